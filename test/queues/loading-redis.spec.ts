import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { expect } from 'chai';
import { makeRedis } from '../helpers/redis.ts';
import { connectAs, parseAddr } from '../helpers/redis-connection.ts';

/** A minute, where a Redis that has just begun to load its data guesses how long it takes. */
const LOADS = { 'loading:0\r\n': 'loading:1\r\n', 'rdb_bgsave_in_progress:0': 'loading_eta_seconds:0060' };

describe('a Redis that is loading its data', () => {
  it('is used as soon as it has loaded it, however long it thought that it would take', async () => {
    await using stack = new AsyncDisposableStack();
    const store = stack.adopt(await makeRedis(), (one) => one.release());
    let isLoading = true;
    const proxy = stack.adopt(
      createServer((client) => {
        const upstream = connect(parseAddr(store.addr));
        client.pipe(upstream);
        upstream.on('data', (answer) => {
          let text = answer.toString('latin1');
          if (isLoading && text.includes('loading:0')) {
            isLoading = false;
            for (const [said, instead] of Object.entries(LOADS)) text = text.replace(said, instead);
          }
          client.write(text, 'latin1');
        });
        for (const socket of [client, upstream]) socket.on('error', () => undefined);
        client.on('close', () => upstream.destroy());
      }).listen(0, '127.0.0.1'),
      (one) => void one.close(),
    );
    await once(proxy, 'listening');
    const { port } = proxy.address() as AddressInfo;

    const through = { host: '127.0.0.1', port };
    const redis = stack.adopt(await connectAs(store, { through }), (one) => one.disconnect());
    expect(isLoading).to.equal(false);
    expect(await redis.ping()).to.equal('PONG');
  });
});
