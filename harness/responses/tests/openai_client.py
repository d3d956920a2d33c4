"""Reads every reply of a running server with the official OpenAI client.

Usage: openai_client.py BASE_URL COUNT. Prints one JSON line for each way of reading each reply:
what the client made of it.
"""

import json
import sys

import openai


def read(events):
    kinds = []
    text = ""
    for event in events:
        kinds.append(event.type)
        if event.type == "response.output_text.delta":
            text += event.delta
    return kinds, text


def attempt(way, ask):
    try:
        kinds, text = ask()
        seen = {"way": way, "kinds": kinds, "text": text, "error": None}
    except openai.APIStatusError as error:
        seen = {"way": way, "status": error.status_code, "error": None}
    except Exception as error:  # whatever it is, it is a finding
        seen = {"way": way, "error": f"{type(error).__name__}: {error}"}
    print(json.dumps(seen), flush=True)


def main():
    client = openai.OpenAI(base_url=sys.argv[1], api_key="none", max_retries=0)

    def create():
        return read(client.responses.create(model="mock-model", input="hi", stream=True))

    def stream():
        with client.responses.stream(model="mock-model", input="hi") as events:
            seen = read(events)
            if "response.completed" in seen[0]:
                events.get_final_response()
            return seen

    for _ in range(int(sys.argv[2])):
        attempt("create", create)
        attempt("stream", stream)


main()
