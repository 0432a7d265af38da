// One list through the vendor's SDK: node sdk.mjs BASE_URL STATUS…
import Telnyx from 'telnyx';

const client = new Telnyx({ apiKey: 'KEY_BENCH', baseURL: process.argv[2] });
const answer = await client.ai.embeddings.list({ status: process.argv.slice(3) });
for (const task of answer.data) process.stdout.write(JSON.stringify(task) + '\n');
