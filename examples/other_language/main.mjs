// Guards one call: node main.mjs https://payments.example.com/status

import { dynamodb } from './dynamodb.mjs';
import { Breaker, CircuitOpen } from './recloser.mjs';

const environment = process.env;
const breaker = new Breaker(environment.CIRCUIT, {
  dynamodb: dynamodb({
    region: environment.AWS_REGION,
    accessKeyId: environment.AWS_ACCESS_KEY_ID,
    secretAccessKey: environment.AWS_SECRET_ACCESS_KEY,
    sessionToken: environment.AWS_SESSION_TOKEN,
    endpoint: environment.AWS_ENDPOINT_URL,
  }),
  circuitTable: environment.RECLOSER_CIRCUIT_TABLE,
  probeTable: environment.RECLOSER_PROBE_TABLE,
});

try {
  const answer = await breaker.call(async () => {
    const response = await fetch(process.argv[2], { signal: AbortSignal.timeout(2000) });
    if (response.status >= 500) throw new Error(`the service answered ${response.status}`);
    return response.json();
  });
  console.error('answered', JSON.stringify(answer));
} catch (problem) {
  console.error(problem instanceof CircuitOpen ? 'refused' : 'failed', problem.message);
  process.exitCode = 1;
}
