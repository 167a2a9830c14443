"""The pretend bank: pays like the bank of the seeds, keeps a ledger of its own, fails on demand.

`POST /` pays: HTTP 200 with `{"data": "success", "status": 200}`, or with `{"data": "failed",
"status": 503}` where nothing was paid. Under an `Idempotency-Key` a payment is executed once.

A target `magic:NAME` asks for a fault, `magic:NAME-N` for it at the first N calls of a key:

| target                  | what the bank does                              | executed | calls |
|-------------------------|-------------------------------------------------|----------|-------|
| `magic:refused`         | HTTP 422, a definite refusal                    | no       | all   |
| `magic:failed`          | HTTP 200 with `failed` and 503 in the body      | no       | all   |
| `magic:http-429`        | HTTP 429 with `Retry-After: 1`                  | no       | all   |
| `magic:http-500-before` | HTTP 500                                        | no       | all   |
| `magic:timeout-before`  | no answer, until the caller goes away           | no       | all   |
| `magic:reset-before`    | the connection is reset without an answer       | no       | all   |
| `magic:http-500-after`  | HTTP 500                                        | yes      | first |
| `magic:timeout-after`   | no answer, until the caller goes away           | yes      | first |
| `magic:reset-after`     | half an answer, then the connection is reset    | yes      | first |
| `magic:truncated`       | HTTP 200, its JSON ends in the middle of a word | yes      | first |
| `magic:nonsense`        | HTTP 200, JSON of the wrong types               | yes      | first |
| `magic:wrong-id`        | HTTP 200, success of another key                | yes      | first |
| `magic:duplicate`       | the answer of success comes twice, in one piece | yes      | first |
| `magic:slow`            | pays and answers, but only seconds later        | yes      | first |

A payment that was executed stays so: where an earlier call paid, it is never said to be refused or
failed.
"""
