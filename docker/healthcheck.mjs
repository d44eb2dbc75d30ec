// The HEALTHCHECK of the image: asks this container's own /healthz, wherever RTMANAGER_INTERNAL_HTTP_ADDR has it.
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';

const env = process.env;
const { host, port } = /^(?<host>.*):(?<port>\d+)$/.exec(
  env.RTMANAGER_INTERNAL_HTTP_ADDR || '127.0.0.1:8096',
).groups;
const isAny = ['', '0.0.0.0', '[::]', '*'].includes(host);
const options = {
  host: isAny ? '127.0.0.1' : host.replace(/^\[|\]$/g, ''),
  port,
  path: '/healthz',
  timeout: 2_500,
};

const cert = env.RTMANAGER_INTERNAL_HTTP_TLS_CERT;
const request = cert ? https.get({ ...options, ...tlsOptions() }, judge) : http.get(options, judge);
request.on('timeout', () => request.destroy(new Error('no answer in time')));
request.on('error', (error) => {
  console.error(error.message);
  process.exit(1);
});

function judge(response) {
  response.resume();
  if (response.statusCode !== 200) console.error(`/healthz answers ${response.statusCode}`);
  process.exit(response.statusCode === 200 ? 0 : 1);
}

/** The certificate names the service and not loopback; under mutual TLS it is also the one that we can show. */
function tlsOptions() {
  const key = env.RTMANAGER_INTERNAL_HTTP_TLS_KEY;
  return { rejectUnauthorized: false, cert: readFileSync(cert), key: key && readFileSync(key) };
}
