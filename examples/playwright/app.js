import { createServer } from 'node:http';

const PAGE = `<!doctype html>
<title>Chat</title>
<form><input name="question" aria-label="Question"><button>Ask</button></form>
<p role="status"></p>
<script>
  document.forms[0].onsubmit = async (event) => {
    event.preventDefault();
    const answer = await fetch('/ask', { method: 'POST', body: event.target.question.value });
    document.querySelector('[role=status]').textContent = await answer.text();
  };
</script>`;

/** The application that is tested: a page that asks, and a server that asks the LLM. Resolves to its address. */
export async function startApp(baseURL, headers) {
  const app = createServer(async (request, response) => {
    if (request.method === 'GET') return response.setHeader('content-type', 'text/html').end(PAGE);
    let question = '';
    for await (const part of request) question += part;
    const answer = await fetch(`${baseURL}/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ model: 'any', messages: [{ role: 'user', content: question }] }),
    });
    const { choices } = await answer.json();
    response.end(answer.ok ? choices[0].message.content : 'Please try again later.');
  });
  await new Promise((listening) => app.listen(0, '127.0.0.1', listening));
  return { url: `http://127.0.0.1:${app.address().port}`, close: () => app.close() };
}
