// Calls once through the example's breaker for every circuit named on standard input, and tells what came of it.

import { readFileSync } from 'node:fs';
import { dynamodb } from '../../examples/other_language/dynamodb.mjs';
import { Breaker } from '../../examples/other_language/recloser.mjs';

const { endpoint, circuitTable, probeTable, circuits } = JSON.parse(readFileSync(0));
const credentials = { region: 'us-east-1', accessKeyId: '123456789012', secretAccessKey: 'local' };
const client = dynamodb({ ...credentials, endpoint, timeoutMs: 5000 });

for (const circuit of circuits) {
  const lines = [];
  const breaker = new Breaker(circuit, {
    dynamodb: client,
    circuitTable,
    probeTable,
    emit: (line) => lines.push(JSON.parse(line)),
  });
  let called = false;
  let refusal = null;
  try {
    await breaker.call(async () => {
      called = true;
    });
  } catch (problem) {
    refusal = problem.name;
  }
  console.log(JSON.stringify({ called, refusal, lines }));
}
