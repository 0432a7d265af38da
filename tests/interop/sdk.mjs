// One call of the vendor's SDK: node sdk.mjs BASE_URL KEY list [STATUS …] | retrieve ID.
// Prints {"data": …}, or {"error": {"status": …, "class": …}}.
import { createRequire } from 'node:module';
import path from 'node:path';

const require = createRequire(path.join(process.env.INTEROP, 'package.json'));
const { Telnyx } = require('telnyx');

const [baseURL, apiKey, method, ...words] = process.argv.slice(2);
const client = new Telnyx({ apiKey, baseURL });
let result;
try {
  const answer =
    method === 'list'
      ? await client.ai.embeddings.list(words.length === 0 ? {} : { status: words })
      : await client.ai.embeddings.retrieve(words[0]);
  result = { data: answer.data };
} catch (error) {
  result = { error: { status: error.status ?? null, class: error.constructor.name } };
}
process.stdout.write(JSON.stringify(result) + '\n');
