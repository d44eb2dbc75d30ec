import { expect } from 'chai';
import { handlers } from '../../handlers/index.ts';
import { parseGameId } from '../../lib/game-id.ts';
import { gameHostname } from '../../lib/game-names.ts';
import { type HandlerSide, makeHandlerSide, OLD_IMAGE } from '../helpers/handler-side.ts';

const VICTIM = 'Victimf8c6a';
const SQUATTER = gameHostname(parseGameId(VICTIM)).slice('galaxy-game-'.length);

describe('two game ids with one container name', () => {
  let side: HandlerSide;
  beforeEach(async () => {
    side = await makeHandlerSide();
  });
  afterEach(() => side.close());

  async function start(gameId: string): Promise<string> {
    await side.queue({ gameId, opKind: 'start', opSource: 'admin_rest', imageRef: OLD_IMAGE });
    await side.run(gameId, 'start', handlers.start);
    const row = (await side.store.operations()).findLast((one) => one.game_id === gameId);
    return String(row?.error_code ?? row?.outcome);
  }

  for (const [first, second] of [
    [SQUATTER, VICTIM],
    [VICTIM, SQUATTER],
  ] as const) {
    it(`refuses ${second} while ${first} is known, and leaves its container alone`, async () => {
      expect(await start(first)).to.equal('success');
      expect(await start(second)).to.equal('conflict');
      expect(side.world.containers.size).to.equal(1);
    });
  }

  it('starts the same game again', async () => {
    expect(await start(VICTIM)).to.equal('success');
    expect(await start(VICTIM)).to.equal('replay_no_op');
  });
});
