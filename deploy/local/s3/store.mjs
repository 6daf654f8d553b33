// Where objects are kept: in memory, and each in a file of its own, which is replaced as one. s3rver's own store takes keys
// for paths (`a//b` would be `a/b`), lists them in another order than S3, and writes over an object while others read it.

import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';

const KEPT = ['cache-control', 'content-disposition', 'content-encoding', 'content-language', 'content-type', 'expires'];

// A key on its way through s3rver's router, which takes empty segments and dots apart.
export const wrap = key => `k${key.toString('hex')}`;
export const unwrap = text => Buffer.from(text.slice(1), 'hex').toString('utf8');

const isKept = name => KEPT.includes(name) || name.startsWith('x-amz-meta-');
const kept = headers => Object.fromEntries(Object.entries(headers).filter(([name]) => isKept(name)));

export class Store {
  constructor(directory, makeBucket, makeObject) {
    this.directory = directory;
    this.makeBucket = makeBucket;
    this.makeObject = makeObject;
    this.buckets = new Map();
    for (const name of fs.readdirSync(directory)) this.load(name);
  }

  load(bucket) {
    const objects = new Map();
    for (const file of fs.readdirSync(path.join(this.directory, bucket))) {
      const data = fs.readFileSync(path.join(this.directory, bucket, file));
      const end = data.indexOf('\n');
      if (file.endsWith('.new') || end < 0) continue;
      const { key, ...rest } = JSON.parse(data.subarray(0, end).toString());
      objects.set(key, { ...rest, body: data.subarray(end + 1) });
    }
    this.buckets.set(bucket, objects);
  }

  file(bucket, key) {
    return path.join(this.directory, bucket, crypto.createHash('sha256').update(key).digest('hex'));
  }

  metadata(object) {
    return { ...object.headers, etag: `"${object.md5}"`, 'last-modified': new Date(object.modified).toUTCString(),
      'content-length': object.body.length };
  }

  find(bucket, wrapped) {
    return this.buckets.get(bucket)?.get(unwrap(wrapped));
  }

  // What s3rver calls.

  async getBucket(name) {
    return this.buckets.has(name) ? this.makeBucket(name, new Date(0)) : null;
  }

  async putBucket(name) {
    fs.mkdirSync(path.join(this.directory, name), { recursive: true, mode: 0o700 });
    if (!this.buckets.has(name)) this.buckets.set(name, new Map());
    return this.getBucket(name);
  }

  async listBuckets() {
    return [...this.buckets.keys()].sort().map(name => this.makeBucket(name, new Date(0)));
  }

  async deleteBucket(name) {
    fs.rmSync(path.join(this.directory, name), { recursive: true });
    this.buckets.delete(name);
  }

  async listObjects(bucket, { delimiter = '', startAfter = '', prefix = '', maxKeys = Infinity }) {
    const after = Buffer.from(startAfter || '');
    const keys = [...this.buckets.get(bucket).keys()].filter(key => key.startsWith(prefix || ''))
      .map(key => Buffer.from(key)).sort(Buffer.compare).filter(key => Buffer.compare(key, after) > 0).map(String);
    const under = key => (delimiter ? key.indexOf(delimiter, (prefix || '').length) : -1);
    const objects = keys.filter(key => under(key) < 0);
    const prefixes = new Set(keys.filter(key => under(key) >= 0).map(key => key.slice(0, under(key) + delimiter.length)));
    const found = objects.slice(0, maxKeys)
      .map(key => this.makeObject(bucket, key, null, this.metadata(this.buckets.get(bucket).get(key))));
    return { objects: found, commonPrefixes: [...prefixes].sort(), isTruncated: objects.length > found.length };
  }

  async existsObject(bucket, wrapped) {
    return Boolean(this.find(bucket, wrapped));
  }

  async getObject(bucket, wrapped, options = {}) {
    const object = this.find(bucket, wrapped);
    if (!object) return null;
    const length = object.body.length;
    const ranged = options.start !== undefined;
    const start = options.start ?? 0;
    const end = Math.min(options.end ?? Infinity, length - 1);
    const satisfiable = !ranged || start <= end;
    const part = satisfiable ? Readable.from([object.body.subarray(start, end + 1)], { objectMode: false }) : null;
    const found = this.makeObject(bucket, unwrap(wrapped), part, this.metadata(object));
    if (ranged) found.range = { start, end };
    return found;
  }

  async putObject({ bucket, key: wrapped, content, metadata }) {
    const parts = [];
    for await (const part of content) parts.push(part);
    const key = unwrap(wrapped);
    const object = { headers: kept(metadata), modified: Date.now(), body: Buffer.concat(parts) };
    object.md5 = crypto.createHash('md5').update(object.body).digest('hex');
    const { body, ...head } = object;
    const file = this.file(bucket, key);
    fs.writeFileSync(`${file}.new`, Buffer.concat([Buffer.from(`${JSON.stringify({ key, ...head })}\n`), body]));
    fs.renameSync(`${file}.new`, file);
    this.buckets.get(bucket).set(key, object);
    return { size: body.length, md5: object.md5 };
  }

  async deleteObject(bucket, wrapped) {
    fs.rmSync(this.file(bucket, unwrap(wrapped)), { force: true });
    this.buckets.get(bucket).delete(unwrap(wrapped));
  }

  async getSubresource() {
    return null;
  }
}
