import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { expect } from 'chai';
import { maxConnections } from '../../openapi/max-connections.ts';

const DESCRIPTORS = 128;

/** Opens a listener, and opens a file for each line that it reads, as an operation would. */
const SERVICE = `
  import { openSync } from 'node:fs';
  import { createInterface } from 'node:readline';
  const { openListener } = await import(${JSON.stringify(new URL('../../openapi/listener.ts', import.meta.url))});
  const http = { listen: { host: '127.0.0.1', port: 0 } };
  const { url } = await openListener(http, (_request, response) => response.end('hello'));
  console.log(url);
  for await (const _line of createInterface(process.stdin)) {
    try {
      for (let count = 0; count < 20; count += 1) openSync('/dev/null');
      console.log('opened');
    } catch (error) {
      console.log(error.code);
    }
  }
`;

describe('connections to the listener', () => {
  it('leave a process half of its file descriptors, however many callers keep one (EMFILE)', async () => {
    const command = [`--nofile=${DESCRIPTORS}:${DESCRIPTORS}`, process.execPath, '--input-type=module', '-e'];
    const service = spawn('prlimit', [...command, SERVICE], { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface(service.stdout)[Symbol.asyncIterator]();
    const nextLine = async (): Promise<string> => String((await lines.next()).value);
    const sockets: Socket[] = [];
    try {
      const { hostname, port } = new URL(await nextLine());
      let answered = 0;
      let refused = 0;
      await Promise.all(
        Array.from({ length: 2 * DESCRIPTORS }, async () => {
          const socket = connect(Number(port), hostname);
          sockets.push(socket);
          // Not `once`, which rejects with the reset of a refused connection.
          const ended = new Promise<string>((resolve) => socket.once('close', () => resolve('refused')));
          socket.on('error', () => undefined);
          const heard = new Promise<string>((resolve) => socket.once('data', () => resolve('answered')));
          socket.write('GET / HTTP/1.1\r\nHost: rtm\r\n\r\n');
          if ((await Promise.race([ended, heard])) === 'answered') answered += 1;
          else refused += 1;
        }),
      );
      expect(answered).to.equal(DESCRIPTORS / 2);
      expect(refused).to.equal(2 * DESCRIPTORS - DESCRIPTORS / 2);
      service.stdin.write('open\n');
      expect(await nextLine()).to.equal('opened');
    } finally {
      for (const socket of sockets) socket.destroy();
      service.kill('SIGKILL');
      await once(service, 'close');
    }
  });

  it('are no more than callers need, where descriptors are many or unlimited', () => {
    const limits = (soft: string): string =>
      `Limit  Soft Limit\nMax open files            ${soft}  1048576  files \n`;
    expect(maxConnections(limits('1024'))).to.equal(512);
    expect(maxConnections(limits('1048576'))).to.equal(4_096);
    expect(maxConnections(limits('unlimited'))).to.equal(4_096);
    expect(maxConnections('')).to.equal(4_096);
  });
});
