// Makes the same calls through the relay and directly to the demo provider, with the official SDKs, and wants the
// same bytes, the same events and the same errors from both.
//   node check.mjs <relay URL> <relay key> <demo provider URL>
// The relay runs configs/demo.yaml. Exits 1 and says what differed, if anything did.
import assert from 'node:assert/strict';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';

const [relayUrl, relayKey, providerUrl] = process.argv.slice(2);
if (!providerUrl) {
  console.error('usage: node check.mjs <relay URL> <relay key> <demo provider URL>');
  process.exit(2);
}
const TIMEOUT_MILLIS = 30_000;
const messages = [{ role: 'user', content: 'Hallo Welt, 你好 🙂' }];

/** A client's fetch that keeps the bytes of every answer, to be compared besides what the SDK makes of them. */
function recorder() {
  const calls = [];
  const fetch = async (url, init) => {
    const response = await globalThis.fetch(url, init);
    const chunks = [];
    const call = {
      status: response.status,
      type: response.headers.get('content-type'),
      retryAfter: response.headers.get('retry-after'),
      // How much of it was read before the SDK gave up is chance.
      body: 'not read to its end',
    };
    calls.push(call);
    const keep = new TransformStream({
      transform(chunk, controller) {
        chunks.push(chunk);
        controller.enqueue(chunk);
      },
      flush() {
        call.body = withoutIds(Buffer.concat(chunks).toString('latin1'));
      },
    });
    const { status, statusText, headers } = response;
    return new Response(response.body?.pipeThrough(keep), { status, statusText, headers });
  };
  return { fetch, taken: () => calls.splice(0) };
}

/** The provider gives every answer an id and a time of its own. */
function withoutIds(text) {
  return text.replace(/[0-9a-f]{32}/g, '<id>').replace(/"created(_at)?":\d+/g, '"created$1":0');
}

function plain(value) {
  return JSON.parse(withoutIds(JSON.stringify(value)));
}

/** What a caller can tell of an error. */
function told(error) {
  return {
    class: error.constructor.name,
    status: error.status,
    message: withoutIds(String(error.message)),
    code: error.code,
    type: error.type,
    body: error.error === undefined ? undefined : plain(error.error),
  };
}

async function outcome(recorded, call) {
  const result = {};
  try {
    result.value = await call();
  } catch (error) {
    result.error = told(error);
    result.thrown = error;
  }
  result.calls = recorded.taken();
  return result;
}

const relaySide = recorder();
const directSide = recorder();

function openai(side, baseURL, apiKey) {
  const defaultHeaders = { 'X-Tenant-ID': 'sdk-check' };
  return new OpenAI({ baseURL, apiKey, maxRetries: 0, timeout: TIMEOUT_MILLIS, fetch: side.fetch, defaultHeaders });
}

function anthropic(side, baseURL, apiKey) {
  const defaultHeaders = { 'X-Tenant-ID': 'sdk-check' };
  return new Anthropic({ baseURL, apiKey, maxRetries: 0, timeout: TIMEOUT_MILLIS, fetch: side.fetch, defaultHeaders });
}

const direct = { openai: openai(directSide, `${providerUrl}/v1`, 'any'), anthropic: anthropic(directSide, providerUrl, 'any') };
const relay = {
  openai: openai(relaySide, `${relayUrl}/v1`, relayKey),
  prefixed: openai(relaySide, `${relayUrl}/openai/v1`, relayKey),
  anthropic: anthropic(relaySide, relayUrl, relayKey),
};

let passed = 0;
let failed = 0;

async function check(name, body) {
  try {
    const detail = await body();
    passed++;
    console.log(`OK ${name}: ${detail}`);
  } catch (error) {
    failed++;
    console.log(`FAILED ${name}: ${error.stack}`);
  }
}

/** Both must come to the same, byte for byte but for ids and times. */
async function same(call, relayClient, directClient) {
  const through = await outcome(relaySide, () => call(relayClient));
  const straight = await outcome(directSide, () => call(directClient));
  const { thrown: ignoredA, ...a } = through;
  const { thrown: ignoredB, ...b } = straight;
  assert.deepEqual(a, b);
  return through;
}

async function events(stream) {
  const all = [];
  for await (const event of stream) all.push(plain(event));
  return all;
}

function sameEvents(name, call, relayClient, directClient, atLeast) {
  return check(name, async () => {
    const { value, error } = await same(async (client) => events(await call(client)), relayClient, directClient);
    assert.equal(error, undefined, JSON.stringify(error));
    assert.ok(value.length >= atLeast, `${value.length} events (expected: at least ${atLeast})`);
    return `${value.length} events`;
  });
}

function sameValue(name, call, relayClient, directClient, look) {
  return check(name, async () => {
    const { value, error } = await same(call, relayClient, directClient);
    assert.equal(error, undefined, JSON.stringify(error));
    return look(value);
  });
}

/** The provider's own refusal, passed on; asked once, as maxRetries is 0. */
function sameRefusal(name, call, relayClient, directClient, type, status) {
  return check(name, async () => {
    const { thrown, calls } = await same(call, relayClient, directClient);
    assert.ok(thrown instanceof type, `${thrown} (expected: ${type.name})`);
    assert.equal(thrown.status, status);
    assert.equal(calls.length, 1);
    return `${type.name} ${status}`;
  });
}

/** The relay's own refusal, in the form of the SDK's provider. */
function refusal(name, call, client, type, status, code) {
  return check(name, async () => {
    const { thrown, calls } = await outcome(relaySide, () => call(client));
    assert.ok(thrown instanceof type, `${thrown} (expected: ${type.name})`);
    assert.equal(thrown.status, status);
    const inner = thrown.error?.error ?? thrown.error;
    assert.equal(inner?.code, code, JSON.stringify(thrown.error));
    assert.equal(calls.length, 1);
    return `${type.name} ${status} ${code}`;
  });
}

const chat = (more) => (client) => client.chat.completions.create({ model: 'demo-fast', messages, ...more });
const message = (more) => (client) => client.messages.create({ model: 'demo-fast', max_tokens: 64, messages, ...more });
const streamed = { stream: true, stream_options: { include_usage: true } };

await sameEvents('chat stream', chat(streamed), relay.openai, direct.openai, 5);
await sameEvents('chat stream, paced', chat({ ...streamed, model: 'demo' }), relay.openai, direct.openai, 5);
await sameEvents('chat stream under a prefix', chat(streamed), relay.prefixed, direct.openai, 5);
await sameValue('chat', async (c) => plain(await chat({})(c)), relay.openai, direct.openai, (v) => v.choices[0].message.content);

const respond = (more) => (client) => client.responses.create({ model: 'demo-fast', input: 'Hello', ...more });
await sameEvents('responses stream', respond({ stream: true }), relay.prefixed, direct.openai, 8);
await sameValue('responses', async (c) => plain(await respond({})(c)), relay.prefixed, direct.openai, (v) => v.output_text);
await sameValue('models', async (c) => plain(await c.models.list()), relay.prefixed, direct.openai, (v) => `${v.data.length} models`);
await sameValue(
  'speech',
  async (client) => {
    const audio = await client.audio.speech.create({ model: 'demo-fast', voice: 'demo', input: 'Hello', response_format: 'wav' });
    return Buffer.from(await audio.arrayBuffer()).toString('base64');
  },
  relay.prefixed,
  direct.openai,
  (value) => `${Buffer.from(value, 'base64').length} bytes`,
);

await sameEvents('messages stream', message({ stream: true }), relay.anthropic, direct.anthropic, 7);
await sameValue('messages', async (c) => plain(await message({})(c)), relay.anthropic, direct.anthropic, (v) => v.content[0].text);

const chat429 = chat({ model: 'demo-429' });
await sameRefusal('chat 429', chat429, relay.openai, direct.openai, OpenAI.RateLimitError, 429);
await sameRefusal('messages 429', message({ model: 'demo-429' }), relay.anthropic, direct.anthropic, Anthropic.RateLimitError, 429);
const absent = (client) => client.get('/absent');
await sameRefusal("the provider's 404", absent, relay.prefixed, direct.openai, OpenAI.NotFoundError, 404);
await check('chat error event', async () => {
  const call = async (client) => events(await chat({ ...streamed, model: 'demo-error' })(client));
  const { thrown } = await same(call, relay.openai, direct.openai);
  assert.ok(thrown instanceof OpenAI.APIError, `${thrown}`);
  return thrown.message;
});
await check('messages error event', async () => {
  const call = async (client) => events(await message({ stream: true, model: 'demo-error' })(client));
  const { thrown } = await same(call, relay.anthropic, direct.anthropic);
  assert.ok(thrown instanceof Anthropic.APIError, `${thrown}`);
  return thrown.message;
});
await check('chat cut', async () => {
  const { thrown } = await outcome(relaySide, async () => events(await chat({ ...streamed, model: 'demo-cut' })(relay.openai)));
  assert.ok(thrown, 'a stream that the provider cut looked complete');
  return `${thrown.constructor.name}, not an end`;
});

const wrongKey = 'sk-relay-wrong';
const strangerOpenai = openai(relaySide, `${relayUrl}/v1`, wrongKey);
const strangerAnthropic = anthropic(relaySide, relayUrl, wrongKey);
await refusal('chat 401', chat({}), strangerOpenai, OpenAI.AuthenticationError, 401, 'invalid_api_key');
await refusal('messages 401', message({}), strangerAnthropic, Anthropic.AuthenticationError, 401, 'invalid_api_key');
await refusal("the relay's 404", (client) => client.get('/absent'), relay.openai, OpenAI.NotFoundError, 404, 'route_not_found');

console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
