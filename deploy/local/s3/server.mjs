// S3 on the loopback, for the local run and for tests: s3rver, with signatures judged, keys taken as they are, and
// conditional writes.
//
//   node server.mjs SETTINGS.json   {"port":, "directory":, "buckets": [...], "credentials_url":, "credentials_token_file":,
//                                    "credentials": {"AccessKeyId":, "SecretAccessKey":}, "notify":}
//
// Both styles: http://127.0.0.1:PORT/bucket/key, and http://bucket.s3.localhost:PORT/key. notify: S3's notifications go
// there by POST.

import crypto from 'node:crypto';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { Readable } from 'node:stream';

import { decode, Keys, Refusal, verify } from './signatures.mjs';
import { Store, unwrap, wrap } from './store.mjs';

const require = createRequire(import.meta.url);
const S3rver = require('s3rver');
const S3Bucket = require('s3rver/lib/models/bucket');
const S3Error = require('s3rver/lib/models/error');
const S3Object = require('s3rver/lib/models/object');

const BODY_MAX = 64 << 20;
const KEY_MAX = 1024;

// OpenSSL 3 has no single DES, with which s3rver makes continuation tokens; triple DES with one key three times is the same.
for (const name of ['createCipheriv', 'createDecipheriv']) {
  const original = crypto[name];
  require('crypto')[name] = (algorithm, key, iv) => (algorithm === 'des'
    ? original('des-ede3-cbc', Buffer.concat([key, key, key]), iv) : original(algorithm, key, iv));
}

function addressed(request) {
  const [path, query] = request.url.split(/\?(.*)/s);
  const host = (request.headers.host || '').replace(/:\d+$/, '');
  const virtual = /^(.+)\.s3\.localhost$/.exec(host);
  const [, first = '', rest = ''] = /^\/([^/]*)(?:\/(.*))?$/s.exec(path) || [];
  const bucket = virtual ? virtual[1] : decode(first).toString();
  return { bucket, key: decode(virtual ? path.slice(1) : rest), query: query ? `?${query}` : '' };
}

async function body(request) {
  const parts = [];
  let size = 0;
  for await (const part of request) {
    size += part.length;
    if (size > BODY_MAX) throw new Refusal('EntityTooLarge', 'Your proposed upload exceeds the maximum allowed size');
    parts.push(part);
  }
  const whole = Buffer.concat(parts);
  const length = request.headers['content-length'];
  if (length !== undefined && Number(length) !== size) {
    throw new Refusal('IncompleteBody', 'The request body terminated unexpectedly');
  }
  return whole;
}

function judgeBody(whole, headers, promised) {
  const digest = (name, form) => crypto.createHash(name).update(whole).digest(form);
  if (promised !== null && promised !== digest('sha256', 'hex')) {
    throw new Refusal('XAmzContentSHA256Mismatch',
      "The provided 'x-amz-content-sha256' header does not match what was computed.");
  }
  const checks = [['content-md5', 'md5'], ['x-amz-checksum-sha256', 'sha256'], ['x-amz-checksum-sha1', 'sha1']];
  for (const [name, algorithm] of checks) {
    if (headers[name] !== undefined && headers[name] !== digest(algorithm, 'base64')) {
      throw new Refusal('BadDigest', `The ${name} you specified did not match what we received.`);
    }
  }
}

// RFC 9110 as far as S3 has it: If-Match on all, If-None-Match on writes; what s3rver does itself is left to it.
function judgeConditions(method, headers, object) {
  const etag = object && `"${object.md5}"`;
  const names = text => text.split(',').map(one => `"${one.trim().replace(/"/g, '')}"`);
  const match = headers['if-match'];
  const writes = method === 'PUT' || method === 'DELETE';
  if (match !== undefined && !object && writes) throw new Refusal('NoSuchKey', 'The specified key does not exist.');
  if (match !== undefined && object && match !== '*' && !names(match).includes(etag)) {
    throw new Refusal('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold');
  }
  if (method === 'PUT' && headers['if-none-match'] !== undefined && object) {
    throw new Refusal('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold');
  }
}

// s3rver knows `bytes=1-2` and `bytes=1-`; S3 knows the last bytes, too, and passes over what it doesn't understand.
function plainRange(range, object) {
  const found = /^bytes=(\d*)-(\d*)$/.exec(range || '');
  if (!found || !object || (!found[1] && !found[2])) return undefined;
  if (found[1]) return found[2] && Number(found[2]) < Number(found[1]) ? undefined : range;
  const length = object.body.length;
  return Number(found[2]) === 0 ? `bytes=${length}-` : `bytes=${Math.max(0, length - Number(found[2]))}-`;
}

function judge(settings, store) {
  const token = settings.credentials_token_file && fs.readFileSync(settings.credentials_token_file, 'utf8');
  const keys = new Keys({ url: settings.credentials_url, token, fixed: settings.credentials });
  return async (ctx, next) => {
    const { req } = ctx;
    try {
      const { bucket, key, query } = addressed(req);
      const promised = await verify({ method: req.method, target: req.url, rawHeaders: req.rawHeaders }, keys);
      if (key.length > KEY_MAX) throw new Refusal('KeyTooLongError', 'Your key is too long');
      const whole = await body(req);
      judgeBody(whole, req.headers, promised);
      const object = key.length ? store.find(bucket, wrap(key)) : undefined;
      judgeConditions(req.method, req.headers, object);
      const range = plainRange(req.headers.range, object);
      if (range) req.headers.range = range; else delete req.headers.range;
      delete req.headers.authorization;
      req.headers.host = 'localhost';
      const url = `/${bucket}${key.length ? `/${wrap(key)}` : ''}${query}`;
      ctx.req = Object.assign(Readable.from([whole], { objectMode: false }),
        { headers: req.headers, method: req.method, socket: req.socket, url, complete: true });
      ctx.request.req = ctx.req;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      req.resume();
      const refused = new S3Error(error.code, error.message);
      if (error.code === 'XAmzContentSHA256Mismatch') refused.status = 400;
      throw refused;
    }
    await next();
  };
}

async function main() {
  const settings = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
  fs.mkdirSync(settings.directory, { recursive: true, mode: 0o700 });
  const store = new Store(settings.directory, (name, date) => new S3Bucket(name, date),
    (bucket, key, content, metadata) => new S3Object(bucket, key, content, metadata));
  const app = new S3rver({ address: '127.0.0.1', port: settings.port, silent: true, directory: settings.directory,
    vhostBuckets: false });
  app.store = app.context.store = store;
  for (const name of settings.buckets) await store.putBucket(name);
  app.middleware.unshift(judge(settings, store));
  app.on('error', error => { if (!(error instanceof S3Error)) console.error(error); });
  app.on('event', event => {
    const { object } = event.Records[0].s3;
    // As S3 does it: form-encoded.
    object.key = encodeURIComponent(unwrap(object.key)).replace(/%20/g, '+').replace(/%2F/g, '/');
    if (!settings.notify) return;
    fetch(settings.notify, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(event) })
      .then(answer => answer.arrayBuffer()).catch(error => console.error(`notification: ${error.message}`));
  });
  await app.run();
  app.httpServer.keepAliveTimeout = 60_000;
  console.log(`S3 on 127.0.0.1:${settings.port}`);
}

for (const name of ['SIGTERM', 'SIGINT']) process.on(name, () => process.exit(0));
await main();
