// Signature Version 4 as S3 judges it. s3rver looks at the access key alone, so a client that signs wrongly would not be
// noticed.

import crypto from 'node:crypto';

const SKEW_MS = 15 * 60 * 1000;
const UNSIGNED = 'UNSIGNED-PAYLOAD';

export class Refusal extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

const sha256 = data => crypto.createHash('sha256').update(data).digest('hex');
const hmac = (key, data) => crypto.createHmac('sha256', key).update(data, 'utf8').digest();

// The bytes behind percent signs; a plus is a plus.
export function decode(text) {
  const bytes = [];
  for (let i = 0; i < text.length; i++) {
    const code = text[i] === '%' ? text.slice(i + 1, i + 3) : '';
    if (text[i] === '%' && !/^[0-9A-Fa-f]{2}$/.test(code)) {
      throw new Refusal('InvalidURI', "Couldn't parse the specified URI.");
    }
    bytes.push(...(code ? [parseInt(code, 16)] : Buffer.from(text[i], 'latin1')));
    if (code) i += 2;
  }
  return Buffer.from(bytes);
}

function encode(bytes, kept) {
  let text = '';
  for (const byte of bytes) {
    const character = String.fromCharCode(byte);
    text += /[A-Za-z0-9._~-]/.test(character) || kept.includes(character)
      ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return text;
}

function canonicalQuery(query) {
  const pairs = query.split('&').filter(Boolean).map(pair => {
    const at = pair.indexOf('=');
    const [name, value] = at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
    return [encode(decode(name), ''), encode(decode(value), '')];
  });
  const order = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
  return pairs.sort((a, b) => order(a[0], b[0]) || order(a[1], b[1])).map(pair => pair.join('=')).join('&');
}

const AUTHORIZATION = /^AWS4-HMAC-SHA256 Credential=([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/;

function parse(authorization) {
  const found = AUTHORIZATION.exec(authorization);
  if (!found) throw new Refusal('AuthorizationHeaderMalformed', 'The authorization header is malformed.');
  const [accessKeyId, date, region, service, end] = found[1].split('/');
  if (service !== 's3' || end !== 'aws4_request') {
    throw new Refusal('AuthorizationHeaderMalformed', 'The credential scope is not of S3.');
  }
  return { accessKeyId, date, region, names: found[2].split(';'), signature: found[3] };
}

function instant(stamp) {
  const found = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(stamp || '');
  if (!found) throw new Refusal('AccessDenied', 'AWS authentication requires a valid Date or x-amz-date header');
  const [year, month, ...rest] = found.slice(1).map(Number);
  return Date.UTC(year, month - 1, ...rest);
}

function value(headers, name) {
  return headers.filter(([n]) => n === name).map(([, v]) => v.trim().replace(/ +/g, ' ')).join(',');
}

// Throws a Refusal. keys.find(id) gives {secret, token, expiresMs}. request: {method, target, rawHeaders}. Returns what the
// body's hash must be, or null.
export async function verify(request, keys) {
  const raw = request.rawHeaders;
  const headers = [];
  for (let i = 0; i < raw.length; i += 2) headers.push([raw[i].toLowerCase(), raw[i + 1]]);
  const authorization = value(headers, 'authorization');
  if (!authorization) throw new Refusal('AccessDenied', 'Access Denied');
  const claim = parse(authorization);
  const key = await keys.find(claim.accessKeyId);
  if (!key) throw new Refusal('InvalidAccessKeyId', 'The AWS Access Key Id you provided does not exist in our records.');
  if (key.expiresMs <= Date.now()) throw new Refusal('ExpiredToken', 'The provided token has expired.');
  if ((key.token || '') !== value(headers, 'x-amz-security-token')) {
    throw new Refusal('InvalidToken', 'The provided token is malformed or otherwise invalid.');
  }
  const stamp = value(headers, 'x-amz-date');
  if (Math.abs(instant(stamp) - Date.now()) > SKEW_MS || !stamp.startsWith(claim.date)) {
    throw new Refusal('RequestTimeTooSkewed', 'The difference between the request time and the current time is too large.');
  }
  const mustBeSigned = headers.map(([n]) => n).filter(n => n === 'host' || n.startsWith('x-amz-'));
  const unsigned = mustBeSigned.filter(n => !claim.names.includes(n));
  if (unsigned.length) {
    throw new Refusal('AccessDenied', `There were headers present in the request which were not signed: ${unsigned}`);
  }
  const payload = value(headers, 'x-amz-content-sha256');
  if (!payload) throw new Refusal('InvalidRequest', 'Missing required header for this request: x-amz-content-sha256');
  const [path, query = ''] = request.target.split(/\?(.*)/s);
  const canonical = [request.method, encode(decode(path), '/'), canonicalQuery(query),
    ...claim.names.map(name => `${name}:${value(headers, name)}`), '', claim.names.join(';'), payload].join('\n');
  const scope = [claim.date, claim.region, 's3', 'aws4_request'];
  const signing = scope.reduce((secret, part) => hmac(secret, part), `AWS4${key.secret}`);
  const text = ['AWS4-HMAC-SHA256', stamp, scope.join('/'), sha256(canonical)].join('\n');
  if (!crypto.timingSafeEqual(hmac(signing, text), Buffer.from(claim.signature, 'hex'))) {
    throw new Refusal('SignatureDoesNotMatch',
      'The request signature we calculated does not match the signature you provided.');
  }
  return payload === UNSIGNED ? null : payload;
}

// The keys that the local IAM authority hands out, each until its end; or one pair for ever.
export class Keys {
  constructor({ url, token, fixed }) {
    this.url = url;
    this.token = token;
    this.known = new Map();
    if (fixed) this.known.set(fixed.AccessKeyId, { secret: fixed.SecretAccessKey, token: '', expiresMs: Infinity });
  }

  async find(id) {
    if (!this.known.has(id) && this.url) {
      const answer = await fetch(this.url, { headers: { Authorization: this.token } });
      if (answer.ok) {
        const { AccessKeyId, SecretAccessKey, Token, Expiration } = await answer.json();
        this.known.set(AccessKeyId, { secret: SecretAccessKey, token: Token, expiresMs: Date.parse(Expiration) });
      }
    }
    return this.known.get(id);
  }
}
