import 'dockerode';

/** Calls that dockerode can abort although its published types do not say so. */
declare module 'dockerode' {
  interface ContainerRemoveOptions {
    abortSignal?: AbortSignal;
  }
  interface ImageInspectOptions {
    abortSignal?: AbortSignal;
  }
  interface Network {
    inspect(options: { abortSignal: AbortSignal }): Promise<NetworkInspectInfo>;
  }
}
