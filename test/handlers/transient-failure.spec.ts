import { expect } from 'chai';
import { RuntimeError } from '../../lib/errors.ts';
import { viewGame } from '../helpers/game-view.ts';
import { type HandlerSide, makeHandlerSide, OLD_IMAGE } from '../helpers/handler-side.ts';

describe('a failure that may pass, although its code is final', () => {
  let side: HandlerSide;
  before(async () => {
    side = await makeHandlerSide();
  });
  after(() => side?.close());

  it('is retried within the retry window, and ends the operation after it', async () => {
    await side.queue({ gameId: 'g', opKind: 'start', opSource: 'lobby_stream', imageRef: OLD_IMAGE });
    const fail = () =>
      side.run('g', 'start', () =>
        Promise.reject(new RuntimeError('internal_error', 'no free file descriptor', { isTransient: true })),
      );
    expect((await fail()).result).to.equal('postponed');
    expect((await viewGame(side, 'g')).operations.map((one) => one.status)).to.deep.equal(['queued']);
    await side.store.rows(
      "update rtmanager.operation_log set not_before = null, retrying_since = retrying_since - interval '2 minutes'",
    );
    expect((await fail()).result).to.equal('failure');
    expect((await viewGame(side, 'g')).operations[0]).to.include({
      status: 'finished',
      error_code: 'internal_error',
    });
  });
});
