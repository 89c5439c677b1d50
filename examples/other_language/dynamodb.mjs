// DynamoDB's JSON protocol over HTTP, signed (Signature Version 4), with Node's standard library alone.
// Where the AWS SDK is at hand, as in Lambda, use it instead: its commands take the same requests.

import { createHash, createHmac } from 'node:crypto';

const hash = (text) => createHash('sha256').update(text).digest('hex');
const hmac = (key, text) => createHmac('sha256', key).update(text).digest();

/** Make the function that a Breaker speaks to DynamoDB with: short time-outs, so that it is never the outage. */
export function dynamodb({ region, accessKeyId, secretAccessKey, sessionToken, endpoint, timeoutMs = 800 }) {
  const url = new URL(endpoint ?? `https://dynamodb.${region}.amazonaws.com`);
  const credentials = { accessKeyId, secretAccessKey, sessionToken };
  return async (operation, request) => {
    const body = JSON.stringify(request);
    const headers = signed({ host: url.host, region, operation, body, credentials, at: new Date() });
    const response = await fetch(url, { method: 'POST', headers, body, signal: AbortSignal.timeout(timeoutMs) });
    const answer = await response.json();
    if (!response.ok) throw new Error(`DynamoDB ${operation}: ${answer.__type?.split('#').pop() ?? response.status}`);
    return answer;
  };
}

function signed({ host, region, operation, body, credentials, at }) {
  const time = at.toISOString().replace(/[:-]|\.\d{3}/g, '');
  const scope = [time.slice(0, 8), region, 'dynamodb', 'aws4_request'];
  const headers = {
    'content-type': 'application/x-amz-json-1.0',
    host,
    'x-amz-date': time,
    ...(credentials.sessionToken && { 'x-amz-security-token': credentials.sessionToken }),
    'x-amz-target': `DynamoDB_20120810.${operation}`,
  };
  const names = Object.keys(headers).join(';'); // in alphabetical order as they stand
  const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}`);
  const canonical = ['POST', '/', '', ...lines, '', names, hash(body)].join('\n');
  const toSign = ['AWS4-HMAC-SHA256', time, scope.join('/'), hash(canonical)].join('\n');
  const signature = hmac(scope.reduce(hmac, `AWS4${credentials.secretAccessKey}`), toSign).toString('hex');
  const credential = `${credentials.accessKeyId}/${scope.join('/')}`;
  const { host: _, ...sent } = headers; // fetch sends the host by itself
  return { ...sent, authorization: `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${names}, Signature=${signature}` };
}
