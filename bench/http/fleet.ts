import { Server, type ServerCommand } from '../server.js';

/** Starts servers, waits until all of them listen, passes them to `use`, and always stops them. */
export async function withServers<T>(
  commands: readonly ServerCommand[],
  use: (servers: readonly Server[]) => Promise<T>,
): Promise<T> {
  const servers: Server[] = [];
  try {
    // Sequentially: each start uses the whole machine.
    for (const command of commands) {
      const server = new Server(command);
      servers.push(server);
      await server.url;
    }
    return await use(servers);
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
}
