import { readFile } from 'node:fs/promises';

/** How soon a change is seen, milliseconds. */
const CHECK_INTERVAL_MS = 5_000;

interface WatchOptions {
  readonly paths: readonly string[];
  /** Called with the contents in the order of `paths`. What it throws goes to `onFailure`. */
  readonly onChange: (contents: readonly Buffer[]) => void;
  /** Called once per new content or new read error, not at every check. */
  readonly onFailure: (error: unknown) => void;
  readonly everyMs?: number | undefined;
}

export interface FileWatch {
  close(): void;
}

/**
 * Reads small files at an interval and reports when the contents differ from `known`. Polling by path also sees atomic
 * renames and the symbolic links that Kubernetes swaps, which a watch on the inode misses.
 *
 * @param known the contents that are in use
 */
export function watchFiles(known: readonly Buffer[], options: WatchOptions): FileWatch {
  const { paths, onChange, onFailure, everyMs = CHECK_INTERVAL_MS } = options;
  let tried = known;
  let lastError = '';
  let timer: NodeJS.Timeout;
  let isClosed = false;

  const check = async (): Promise<void> => {
    try {
      const contents = await Promise.all(paths.map((path) => readFile(path)));
      lastError = '';
      if (isClosed || contents.every((content, index) => tried[index]?.equals(content))) return;
      tried = contents;
      onChange(contents);
    } catch (error) {
      const said = String(error);
      if (said !== lastError && !isClosed) onFailure(error);
      lastError = said;
    }
  };
  const plan = (): void => {
    timer = setTimeout(() => void check().finally(() => isClosed || plan()), everyMs).unref();
  };
  plan();
  return {
    close() {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}
