import { expect } from 'chai';
import type { Locator, Page } from 'playwright-core';
import { loadConsole, openWindow } from '../helpers/console-browser.ts';
import { takeScreenshot } from '../helpers/console-screenshot.ts';
import {
  type ConsoleWorld,
  DIED,
  IMAGE,
  LAST_LINES,
  LETTERS,
  LOGIN,
  makeConsoleWorld,
} from '../helpers/console-world.ts';
import { eventually } from '../helpers/eventually.ts';
import { makeLobby } from '../helpers/lobby.ts';
import { failing } from '../helpers/played-runner.ts';
import { makeTcpProxy } from '../helpers/tcp-proxy.ts';

const MARKUP = '<img src=x onerror="window.hit=1"><script>window.hit=1</script>';

describe('the operator console in a browser', () => {
  let world: ConsoleWorld;
  let page: Page;

  before(async () => {
    world = await makeConsoleWorld();
    page = world.page;
  });
  after(() => world?.[Symbol.asyncDispose]());
  afterEach(async () => {
    await world.store.rows(
      `delete from rtmanager.operation_log where op_source = 'admin_rest' or status <> 'finished'`,
    );
    // No test runs what is text, asks anybody else, or throws.
    expect(world.window.complaints).to.deep.equal([]);
    expect(await page.evaluate('window.hit')).to.equal(undefined);
  });

  /** Loads the page once in each window; from then on an address only changes what is shown. */
  const goTo = async (hash: string, here = page) => {
    if (!here.url().startsWith(world.rest.url)) await loadConsole(here, world.rest.url);
    const wanted = JSON.stringify(hash);
    await here.evaluate(
      `location.hash === ${wanted} ? dispatchEvent(new Event('hashchange')) : (location.hash = ${wanted})`,
    );
  };
  const goToGame = (gameId = DIED) => goTo(`#/games/${encodeURIComponent(gameId)}`);
  const button = (name: string) => page.getByRole('button', { name, exact: true });
  /** The latest of this title. */
  const toast = (title: string) => page.locator('.toast', { hasText: title }).last();
  const dialog = () => page.getByRole('dialog');
  const rows = () => page.locator('tbody tr');
  const shows = (text: string | RegExp, where: Page | Locator = page) =>
    where.getByText(text).first().waitFor();
  const queued = async () => (await world.store.operations()).filter((one) => one.status === 'queued');

  describe('shows the fleet', () => {
    beforeEach(async () => {
      await goTo('#/');
      await shows('1–50 of 9,001');
    });

    it('in numbers, with what it needs to work, and who needs somebody first', async () => {
      await shows('6,988 healthy');
      const tiles = await page.locator('.tile').allTextContents();
      expect(tiles).to.deep.equal([
        '13Need attention',
        '7,000Running',
        '2,001Stopped',
        '0Operations waiting0 under way',
      ]);
      await eventually(async () => (await page.locator('.checks li[data-tone=good]').count()) === 5, {
        what: 'five good checks',
      });
      const cells = await rows().first().locator('th, td').allTextContents();
      expect(cells.slice(0, 5)).to.deep.equal([DIED, 'stopped', 'out of memory', IMAGE, '–']);
      expect(cells[5]).to.match(/^Found ended, and recorded so \d+ min ago/);
      await takeScreenshot(page, 'fleet');
    });

    it('searched, filtered and turned over, all of which the address keeps', async () => {
      await page.getByRole('searchbox').fill('GAME-0999');
      await shows('1–9 of 9');
      await page.getByRole('combobox', { name: 'Status' }).selectOption('removed');
      await shows('1–1 of 1');
      expect(await page.locator('.row-link').allTextContents()).to.deep.equal(['game-09999']);
      expect(page.url()).to.include('text=GAME-0999').and.include('status=removed');
      await page.reload();
      await shows('1–1 of 1');
      await page.getByRole('combobox', { name: 'Status' }).selectOption('not removed');
      await page.getByRole('searchbox').fill('game-09999');
      await shows('No game matches.');
      await button('Look among removed games').click();
      await shows('1–1 of 1');
      expect(page.url()).to.include('text=game-09999').and.include('status=any');
      await page.getByRole('searchbox').fill('nobody');
      await shows('No game matches.');
      expect(await button('Look among removed games').isVisible()).to.equal(false);
      await goTo('#/?order=game');
      await button('Next').click();
      await shows('51–100 of 9,001');
      await button('Uptime').click();
      await shows('1–50 of 9,001');
      expect(await page.locator('.row-link').first().textContent()).to.equal('game-10000');
    });

    it('as it changes: a death, and an operation, while somebody looks', async () => {
      await goTo('#/?text=game-00011');
      await shows('1–1 of 1');
      await shows('live', page.locator('#live'));
      await world.tell('game-00011', { type: 'container_oom', details: { exit_code: 137 } });
      await shows('out of memory', rows());
      await shows('Out of memory', page.getByRole('region', { name: 'Events' }));
      await world.store.queue({ gameId: 'game-00011', opKind: 'restart', imageRef: null });
      await shows('Restart waits for its turn', rows());
      await world.runner.run('game-00011', failing('image_pull_failed'));
      await shows('Restart failed: image_pull_failed', rows());
      await shows('Restart failed: image_pull_failed', page.getByRole('region', { name: 'Events' }));
    });

    it('without missing anything while the service is away', async () => {
      await using stack = new AsyncDisposableStack();
      const { hostname: host, port } = new URL(world.rest.url);
      const target = { host, port: Number(port) };
      const proxy = stack.adopt(await makeTcpProxy({ target }), (one) => one.close());
      const url = `http://${proxy.host}:${proxy.port}`;
      const other = stack.use(await openWindow(world.browser, url, { httpCredentials: LOGIN }));
      await loadConsole(other.page, url);
      await shows('live', other.page.locator('#live'));
      await proxy.close();
      await shows('connecting', other.page.locator('#live'));
      await world.tell('game-00012', { type: 'container_exited', details: { exit_code: 1, oom: false } });
      await proxy.open();
      await shows('Container exited', other.page.getByRole('region', { name: 'Events' }));
      expect(await other.page.locator('.feed li').count()).to.equal(1);
      await shows('live', other.page.locator('#live'));
    });
  });

  describe('shows a game', () => {
    it('with operations, health and Docker as one story, its last words, and why it died', async () => {
      await goToGame();
      await shows(/memory/, page.getByRole('region', { name: 'Explanation' }));
      const story = await page.locator('.timeline .what').allTextContents();
      expect(story).to.deep.equal([
        'Found ended, and recorded so operation',
        'Container ended with exit code 137, killed for want of memory Docker',
        'Engine does not answer health',
        'Started operation',
        'Docker started the container Docker',
      ]);
      expect(await page.locator('.timeline .log').textContent()).to.equal(LAST_LINES.join('\n'));
      await shows(LAST_LINES.at(-1) ?? '', page.getByRole('region', { name: 'Log' }));
      await shows('/srv/galaxy/games/died');
      await takeScreenshot(page, 'game');
    });

    it('as it changes', async () => {
      await goToGame('game-00001');
      await shows('live', page.locator('#live'));
      await world.tell('game-00001', { type: 'probe_recovered', details: { prior_failure_count: 3 } });
      await shows('Engine answers again', page.locator('.timeline li').first());
      await world.store.queue({ gameId: 'game-00001', opKind: 'restart', imageRef: null });
      await shows('Restart waits for its turn', page.locator('.timeline li'));
    });

    it('with what it uses, when somebody asks', async () => {
      await goToGame('game-00001');
      await button('Measure').click();
      await shows('50.0 % of one core, may use 1');
      await shows('28.6 MiB of 512.0 MiB');
    });

    it('that nobody has heard of, and which can be started', async () => {
      await goToGame('andromeda');
      await shows('not on record');
      await shows('Nothing has happened yet.');
      expect(await button('Start').isEnabled()).to.equal(true);
      for (const name of ['Stop', 'Restart', 'Patch', 'Clean up']) {
        expect(await button(name).isDisabled(), name).to.equal(true);
      }
    });

    it('also where parts of it can not be had, and says so', async () => {
      await using other = await openWindow(world.browser, world.rest.url, { httpCredentials: LOGIN });
      await other.context.route(/\/(explain|logs|stats|events)(\?|$)/, (route) =>
        route.fulfill({ status: 501, json: { error: { code: 'internal_error', message: 'not here' } } }),
      );
      await goTo(`#/games/${DIED}`, other.page);
      await shows('There is no explanation: not here', other.page);
      await shows('There is no log to read: not here', other.page);
      await shows('no live events', other.page);
      await other.page.getByRole('button', { name: 'Measure' }).click();
      await shows('It can not be measured: not here', other.page);
      await shows('Container ended with exit code 137', other.page);
      expect(await other.page.getByRole('alert').isHidden()).to.equal(true);
      expect(other.complaints).to.deep.equal([]);
    });
  });

  describe('asks before it does anything', () => {
    const presses: readonly [name: string, gameId: string, operation: object, done: string][] = [
      ['Start', DIED, { op_kind: 'start', image_ref: IMAGE, reason: null }, 'Started'],
      ['Stop', 'game-00001', { op_kind: 'stop', image_ref: null, reason: 'admin_request' }, 'Stopped'],
      ['Restart', 'game-00001', { op_kind: 'restart', image_ref: null, reason: null }, 'Restarted'],
      [
        'Patch',
        'game-00001',
        { op_kind: 'patch', image_ref: 'registry.example.com/galaxy/game:1.4.1', reason: null },
        'Patched',
      ],
      ['Clean up', DIED, { op_kind: 'cleanup_container', image_ref: null, reason: null }, 'Cleaned up'],
    ];
    for (const [name, gameId, operation, done] of presses) {
      it(`and then does it: ${name.toLowerCase()}`, async () => {
        await goToGame(gameId);
        await button(name).click();
        await shows(`${name} ${gameId}?`, dialog());
        await page.keyboard.press('Escape');
        await dialog().waitFor({ state: 'detached' });
        expect(await queued()).to.deep.equal([]);
        await button(name).click();
        await dialog().getByRole('button', { name, exact: true }).click();
        await shows('waits for its turn', toast(`${name} ${gameId}`));
        const [row, ...others] = await queued();
        expect(row).to.include({ game_id: gameId, op_source: 'admin_rest', ...operation });
        expect(others).to.deep.equal([]);
        await world.runner.run(gameId);
        await shows(done, toast(`${name} ${gameId}`));
      });
    }

    it('and tells how it failed, and what the service refuses', async () => {
      await goToGame();
      await button('Patch').click();
      await dialog().getByRole('textbox', { name: 'Image' }).fill('galaxy/game:1.4.9');
      await page.keyboard.press('Enter');
      await shows('waits for its turn', toast(`Patch ${DIED}`));
      await world.runner.run(
        DIED,
        failing('image_pull_failed', 'Image galaxy/game:1.4.9 could not be pulled'),
      );
      await shows(
        'failed: image_pull_failed. Image galaxy/game:1.4.9 could not be pulled',
        toast(`Patch ${DIED}`),
      );
      await goToGame();
      await button('Start').click();
      await dialog().getByRole('textbox', { name: 'Image' }).fill('x'.repeat(4_097));
      await page.keyboard.press('Enter');
      await shows(/"image_ref" must be an image reference of 1 to 4096/, toast(`Start ${DIED}`));
      expect(await queued()).to.deep.equal([]);
    });
  });

  it('asks again for an answer that was lost, by the same key, and goes on while the service is away', async () => {
    const gameId = 'game-00001';
    await using other = await openWindow(world.browser, world.rest.url, { httpCredentials: LOGIN });
    let lost = 0;
    await other.context.route(/\/restart$/, async (route) => {
      if (lost > 0) return route.continue();
      lost += 1;
      await route.fetch();
      await route.abort('connectionreset');
    });
    let refused = 0;
    await other.context.route(/\/operations\/[^/]+$/, (route) => {
      refused += 1;
      if (refused > 2) return route.continue();
      if (refused === 1) return route.abort('connectionrefused');
      return route.fulfill({
        status: 503,
        json: { error: { code: 'service_unavailable', message: 'not now' } },
      });
    });
    await goTo(`#/games/${gameId}`, other.page);
    await other.page.getByRole('button', { name: 'Restart', exact: true }).click();
    await other.page.getByRole('dialog').getByRole('button', { name: 'Restart', exact: true }).click();
    const told = other.page.locator('.toast', { hasText: `Restart ${gameId}` });
    await shows('the operation goes on', told);
    await shows('waits for its turn', told);
    expect([lost, (await queued()).length]).to.deep.equal([1, 1]);
    await world.runner.run(gameId);
    await shows('Restarted', told);
  });

  describe('shows requests that could not be read', () => {
    const letters = () => page.getByRole('region', { name: 'Dead letters' });
    const put = (fields: Readonly<Record<string, string>>, why = 'field "image_ref" is missing') =>
      makeLobby(world.redis).write(LETTERS, {
        source_stream: 'starts',
        source_entry_id: `${Date.now()}-1`,
        error_code: 'invalid_request',
        error_message: why,
        fields_json: JSON.stringify(fields),
        rejected_at_ms: String(Date.now()),
      });
    /** Looks at the fleet anew, sooner than by itself. */
    const reload = async () => {
      await goToGame();
      await goTo('#/');
    };
    afterEach(() => world.redis.client.flushdb());

    it('and asks for one once more, corrected, when somebody says so', async () => {
      await goTo('#/');
      await shows('1–50 of 9,00');
      expect(await letters().isHidden(), 'there are none').to.equal(true);
      const letterId = await put({ game_id: DIED, requested_at_ms: '1767225600000' });
      await reload();
      await shows('field "image_ref" is missing', letters());
      await shows(`starts game_id=${DIED} requested_at_ms=1767225600000`, letters());
      const replay = letters().getByRole('button', { name: 'Replay' });
      await replay.click();
      await page.keyboard.press('Escape');
      expect(await queued()).to.deep.equal([]);
      await replay.click();
      // What is to be corrected has the focus.
      await page.keyboard.press('Enter');
      await shows('The letter can not be accepted yet', toast(`Replay ${letterId}`));
      expect(await queued()).to.deep.equal([]);
      await replay.click();
      await page.keyboard.type(IMAGE);
      await page.keyboard.press('Enter');
      await shows('waits for its turn', toast(`Replay ${letterId}`));
      const [row, ...others] = await queued();
      expect(row).to.include({
        game_id: DIED,
        op_kind: 'start',
        op_source: 'lobby_stream',
        image_ref: IMAGE,
      });
      expect(others).to.deep.equal([]);
      await world.runner.run(DIED, failing('image_pull_failed'));
      await shows('failed: image_pull_failed', toast(`Replay ${letterId}`));
      await shows('replayed', letters());
      expect(await replay.count()).to.equal(0);
    });

    it('as text, and goes on without them', async () => {
      await put({ game_id: MARKUP }, `got "${MARKUP}"`);
      await reload();
      await shows(`got "${MARKUP}"`, letters());
      await letters().getByRole('button', { name: 'Replay' }).click();
      expect(await dialog().getByRole('textbox', { name: 'game_id' }).inputValue()).to.equal(MARKUP);
      await page.keyboard.press('Escape');
      expect(await page.locator('main img, main script').count()).to.equal(0);
      await using other = await openWindow(world.browser, world.rest.url, { httpCredentials: LOGIN });
      await other.context.route(/internal.dead-letters/, (route) =>
        route.fulfill({ status: 503, json: { error: { code: 'service_unavailable', message: 'no Redis' } } }),
      );
      await goTo('#/', other.page);
      await shows('They can not be had: no Redis', other.page);
      await shows('1–50 of 9,00', other.page);
      expect(await other.page.getByRole('alert').isHidden()).to.equal(true);
    });
  });

  describe('takes text for text', () => {
    const gameId = 'evil';

    it('whatever logs, images, error messages and explanations say', async () => {
      const line = `\u001b[31m${MARKUP}\u202e</pre><svg onload=window.hit=1>`;
      await world.addDied(gameId, `evil/${MARKUP}`, [line]);
      await world.store.queue({ gameId, opKind: 'start', imageRef: MARKUP });
      await world.runner.run(gameId, failing('start_config_invalid', MARKUP));
      await using other = await openWindow(world.browser, world.rest.url, { httpCredentials: LOGIN });
      await goTo(`#/games/${gameId}`, other.page);
      await shows(MARKUP, other.page.locator('.why'));
      await shows(MARKUP, other.page.getByRole('region', { name: 'Explanation' }));
      await shows('<svg onload=window.hit=1>', other.page.locator('.log.tall'));
      expect(await other.page.locator('.timeline .log').textContent()).to.equal(line);
      expect(await other.page.locator('.log.tall').textContent()).to.equal(`${line}\n`);
      await goTo('#/?text=evil', other.page);
      await shows(`evil/${MARKUP}`, other.page);
      expect(await other.page.locator('main img, main script, main svg').count()).to.equal(0);
      expect(await other.page.evaluate('window.hit')).to.equal(undefined);
      expect(other.complaints).to.deep.equal([]);
    });

    it('and an address, a search and an event too', async () => {
      await goToGame(MARKUP);
      expect(await page.getByRole('heading', { level: 1 }).textContent()).to.equal(MARKUP);
      await shows(/it must be a letter or digit, then/);
      await goTo(`#/?text=${encodeURIComponent(MARKUP)}`);
      expect(await page.getByRole('searchbox').inputValue()).to.equal(MARKUP);
      await shows('live', page.locator('#live'));
      await world.store.queue({ gameId: DIED, opKind: 'start', imageRef: MARKUP });
      await world.runner.run(DIED, failing(MARKUP));
      await shows(MARKUP, page.getByRole('region', { name: 'Events' }));
      expect(await page.locator('main img, main script').count()).to.equal(0);
    });

    it('since the page itself can not make markup of it', async () => {
      await goTo('#/');
      const tried = await page.evaluate(`(() => {
        try { document.body.innerHTML = '<b>markup</b>'; return 'made'; } catch (error) { return error.name; }
      })()`);
      expect(tried).to.equal('TypeError');
      expect(world.window.complaints.splice(0).length).to.be.above(0);
    });
  });

  it('lets no page of another site press a button, whose browser knows the password', async () => {
    await using other = await openWindow(world.browser, world.rest.url, { httpCredentials: LOGIN });
    await goTo('#/', other.page);
    await shows('1–50 of', other.page);
    const target = `${world.rest.url}/admin/api/v1/internal/runtimes/game-00001/stop`;
    await other.context.route('http://evil.example/', (route) =>
      route.fulfill({
        contentType: 'text/html',
        body: `<form method="post" action="${target}" enctype="text/plain"><input name='{"reason":"finished","a":"' value='"}'></form>
          <button onclick="document.forms[0].submit()">Win a ship</button>`,
      }),
    );
    await other.page.goto('http://evil.example/');
    await other.page.getByRole('button').click();
    await shows('The page of another site asks for this', other.page);
    expect(await queued()).to.deep.equal([]);
  });

  it('is used with the keyboard alone', async () => {
    await goTo('#/');
    await shows('1–50 of 9,001');
    const focused = () => page.evaluate('document.activeElement.textContent');
    await page.keyboard.press('/');
    await page.keyboard.type('game-0000');
    await shows('1–8 of 8');
    await page.keyboard.press('Escape');
    for (const key of ['j', 'j', 'j', 'k']) await page.keyboard.press(key);
    const second = await page.locator('.row-link').nth(1).textContent();
    expect(await focused()).to.equal(second);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: second ?? '' }).waitFor();
    await page.keyboard.press('?');
    await shows('Keyboard', dialog());
    await page.keyboard.press('Escape');
    await eventually(() => button('Restart').isEnabled(), { what: 'what can be done' });
    await button('Stop').focus();
    await page.keyboard.press('Enter');
    await shows(`Stop ${second}?`, dialog());
    // Enter once too often does nothing.
    expect(await focused()).to.equal('Cancel');
    // The keyboard stays in the dialog.
    for (let presses = 0; presses < 8; presses += 1) {
      await page.keyboard.press('Tab');
      const outside = `document.activeElement !== document.body && !document.activeElement.closest('dialog')`;
      expect(await page.evaluate(outside)).to.equal(false);
    }
    await page.keyboard.press('Escape');
    expect(await focused()).to.equal('Stop');
    expect(await queued()).to.deep.equal([]);
    await page.keyboard.press('g');
    await shows('1–50 of 9,00');
  });

  it('is read on a phone, and in the dark', async () => {
    const device = { httpCredentials: LOGIN, viewport: { width: 390, height: 844 }, deviceScaleFactor: 2 };
    await using phone = await openWindow(world.browser, world.rest.url, device);
    for (const hash of ['#/', `#/games/${DIED}`]) {
      await goTo(hash, phone.page);
      await shows(DIED, phone.page);
      await shows('live', phone.page.locator('#live'));
      const overflow = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
      expect(await phone.page.evaluate(overflow), hash).to.equal(0);
      if (hash === '#/') await takeScreenshot(phone.page, 'phone');
    }
    const brightness = async () => {
      const colour = String(await page.evaluate('getComputedStyle(document.body).backgroundColor'));
      return Math.max(...(colour.match(/\d+/g) ?? []).map(Number));
    };
    await goToGame();
    expect(await brightness()).to.be.above(200);
    await page.emulateMedia({ colorScheme: 'dark' });
    expect(await brightness()).to.be.below(60);
    await shows(/memory/, page.getByRole('region', { name: 'Explanation' }));
    await takeScreenshot(page, 'dark');
    await page.emulateMedia({ colorScheme: 'light' });
  });
});
