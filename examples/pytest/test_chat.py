from openai import OpenAI


# The application that is tested.
def answer_to(base_url, question):
    client = OpenAI(base_url=base_url, api_key="any")
    messages = [{"role": "user", "content": question}]
    return client.chat.completions.create(model="any", messages=messages).choices[0].message.content


def test_answers(verbatim):
    verbatim.reply("What is the capital of France?", "Paris")
    assert answer_to(verbatim.base_url, "What is the capital of France?") == "Paris"
    assert verbatim.requests[0]["prompt"] == "What is the capital of France?"


def test_tries_again_after_an_error(verbatim):
    verbatim.fail(503, times=1)
    verbatim.reply("What is the capital of Italy?", "Rome")
    assert answer_to(verbatim.base_url, "What is the capital of Italy?") == "Rome"
    assert [request["status"] for request in verbatim.requests] == [503, 200]


def test_gets_the_recorded_replies_of_the_dataset(verbatim):
    assert "stands in for a real service" in answer_to(verbatim.base_url, "What is a mock server good for?")
