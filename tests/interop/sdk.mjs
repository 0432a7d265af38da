// The vendor's own client, asked by tests/interop/run: node sdk.mjs BASE_URL KEY CALL [ARGUMENT …]
import { createRequire } from 'node:module';
const Telnyx = createRequire(process.env.NODE_MODULES_OF + '/')('telnyx').default;
const [baseURL, apiKey, call, ...rest] = process.argv.slice(2);
const client = new Telnyx({ apiKey, baseURL });
try {
  const answer = call === 'list' ? await client.ai.embeddings.list(rest.length ? { status: rest } : undefined)
    : await client.ai.embeddings.retrieve(rest[0]);
  console.log(JSON.stringify(answer.data));
} catch (error) {
  console.log(JSON.stringify({ error: error.constructor.name, status: error.status ?? null }));
}
