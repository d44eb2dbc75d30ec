import type { Config } from '../config.ts';
import { makeRegistryAuth } from '../registry-auth.ts';
import { type DockerAddress, type DockerConnection, makeDockerConnection } from './connection.ts';
import { type Docker, makeDocker } from './docker.ts';
import { makeImageStore } from './image-store.ts';

/** Where the configured daemon is reached. */
function dockerAddressOf({
  host,
  tlsCaFile: ca,
  tlsCertFile: cert,
  tlsKeyFile: key,
}: Config['docker']): DockerAddress {
  return { host, tls: (ca ?? cert) ? { ca, cert, key } : undefined };
}

type Watch = (connection: DockerConnection) => DockerConnection;

/**
 * Docker as the configuration has it; connects with the first call.
 *
 * @param watch looks on at every call
 */
export function makeConfiguredDocker(config: Config, watch: Watch = (connection) => connection): Docker {
  const { network, parallelStarts, parallelPulls, registryAuthFile } = config.docker;
  const connection = watch(makeDockerConnection(dockerAddressOf(config.docker)));
  const images = makeImageStore(connection, {
    policy: config.image.pullPolicy,
    pullTimeoutMs: config.image.pullTimeoutMs,
    parallelPulls,
    registryAuth: makeRegistryAuth(registryAuthFile),
  });
  return makeDocker(connection, { network, parallelStarts, images });
}
