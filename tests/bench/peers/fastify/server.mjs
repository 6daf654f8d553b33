// Customers as a Fastify service keeps them, in customerd's format and by its own create script: one atomic step with a
// unique e-mail and the listing index. A record is the script's header and the JSON as it is served, so a read is one GET
// and a slice. No request log, no ETags, no request ids: what customerd has beside is not asked of this peer.
import cluster from 'node:cluster';
import { createHmac, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import Fastify from 'fastify';
import Redis from 'ioredis';

const { PORT, PROCESSES, AUTOPIPELINING, DB_PORT, DB_CA_FILE, DB_USER, DB_PASSWORD, CREATE_SCRIPT } = process.env;
const HEAD_BYTES = 25;
const EMAIL_HASH_BYTES = 16;
const EN_AT = 13;
const EN_BYTES = 6;
const MARKER_LIFE_S = 60;
const FIRST_CLAIM_NUMBER = 1;
const NO_RESTORE_YET = '';
const HASH_KEY = 'the salt of the benchmark';

const customerSchema = {
    type: 'object',
    required: ['name'],
    additionalProperties: false,
    properties: {
        name: { type: 'string', minLength: 1, maxLength: 256 },
        email: { type: 'string', maxLength: 254, pattern: '^[^@]+@[^@]+$' },
        phone: { type: 'string', minLength: 3, maxLength: 32, pattern: '^[0-9 +().-]+$' },
        address: { type: 'string', maxLength: 1024 },
        balance: { type: 'integer' },
        metadata: { type: 'object', maxProperties: 50, additionalProperties: { type: ['string', 'boolean', 'integer'] } },
    },
};

function connect() {
    const redis = new Redis.Cluster([{ host: 'localhost', port: Number(DB_PORT) }], {
        enableAutoPipelining: AUTOPIPELINING === 'on',
        dnsLookup: (address, done) => done(null, address),
        redisOptions: { username: DB_USER, password: DB_PASSWORD, tls: { ca: readFileSync(DB_CA_FILE) }, noDelay: true },
    });
    redis.defineCommand('create', { numberOfKeys: 5, lua: readFileSync(CREATE_SCRIPT, 'utf8') });
    return redis;
}

// A UUIDv7 whose bits after the version are the bucket.
function newId(now, bucket) {
    const bytes = randomBytes(16);
    bytes.writeUIntBE(now, 0, 6);
    bytes[6] = 0x70 | (bucket >> 4);
    bytes[7] = ((bucket & 0x0f) << 4) | (bytes[7] & 0x0f);
    bytes[8] = 0x80 | (bytes[8] & 0x3f);
    return bytes;
}

function textOf(id) {
    const hex = id.toString('hex');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

const tagOf = (bucketHex) => `{fastify${bucketHex}}`;
const recordKey = (id) => `${tagOf(id.slice(15, 17))}c${id}`;

function bodyOf(record) {
    const withEmail = record.readUIntBE(EN_AT, EN_BYTES) > 0;
    return record.subarray(withEmail ? HEAD_BYTES + EMAIL_HASH_BYTES : HEAD_BYTES);
}

async function create(redis, given, reply) {
    const now = Date.now();
    const hash = given.email === undefined ? null
        : createHmac('sha256', HASH_KEY).update(given.email.toLowerCase()).digest().subarray(0, EMAIL_HASH_BYTES);
    const operation = randomBytes(16);
    const bucket = (hash ?? operation)[0];
    const id = newId(now, bucket);
    const idText = textOf(id);
    const time = new Date(now).toISOString();
    const json = JSON.stringify({
        id: idText, name: given.name, email: given.email, phone: given.phone, address: given.address,
        balance: given.balance ?? 0, metadata: given.metadata ?? {}, created_at: time, updated_at: time, version: 1,
    });
    const tag = tagOf(idText.slice(15, 17));
    const claims = (hash ?? operation)[1].toString(16).padStart(2, '0');
    const [word] = await redis.create(
        `${tag}k${operation.toString('hex')}`, recordKey(idText), `${tag}i`, `${tag}u${claims}`, `${tag}e`,
        operation, operation.subarray(0, 8), MARKER_LIFE_S, '0', id, now, json, FIRST_CLAIM_NUMBER, hash ?? '', '',
        NO_RESTORE_YET);
    if (word === 'taken') {
        return reply.code(409).send({ title: 'The e-mail belongs to another customer', status: 409 });
    }
    if (word !== 'done') {
        throw new Error(`create answered ${word}`);
    }
    return reply.code(201).header('location', `/customers/${idText}`).type('application/json').send(json);
}

async function serve() {
    const redis = connect();
    const app = Fastify({ logger: false });
    app.get('/customers/:id', async (request, reply) => {
        const record = await redis.getBuffer(recordKey(request.params.id));
        if (record === null) {
            return reply.code(404).send({ title: 'Not found', status: 404 });
        }
        return reply.type('application/json').send(bodyOf(record));
    });
    app.post('/customers', { schema: { body: customerSchema } }, (request, reply) => create(redis, request.body, reply));
    await app.listen({ host: '127.0.0.1', port: Number(PORT), backlog: 4096 });
}

if (cluster.isPrimary && Number(PROCESSES) > 1) {
    for (let i = 0; i < Number(PROCESSES); i++) {
        cluster.fork();
    }
    process.on('SIGTERM', () => process.exit(0));
} else {
    await serve();
}
