/**
 * Sends answers together that were found in one turn of the event loop, while requests of many connections were read. The first one
 * wakes a client that sleeps, which costs the sender as much as all else about it; for the others it is awake. Alone, an answer
 * waits for nothing. (Redis writes its replies like that: `handleClientsWithPendingWrites`.)
 *
 * @param send is called for one after the other
 */
export function sendTogether<T>(send: (item: T) => void): (item: T) => void {
  let waiting: T[] = [];
  const sendAll = () => {
    const items = waiting;
    waiting = [];
    for (const item of items) send(item);
  };
  return (item) => {
    if (waiting.push(item) === 1) setImmediate(sendAll);
  };
}
