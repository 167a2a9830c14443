"""Who may use which route where logins are required: the whole table, said once more by hand.

Letters are people: `n` nobody, `o` who owns what is asked for, `s` another user, `v` a service,
`u` an auditor, `a` an admin.
"""

EVERYBODY = "nosvua"
KNOWN = "osvua"
WRITERS = "osva"
OWN = "ovua"
OWN_MOVES = "ova"
READERS = "vua"
COMMANDERS = "va"
LOOKERS = "ua"
ADMINS = "a"

GRANTS = {
    # Service 000
    "POST /api/wallet/credit_request": OWN_MOVES,
    "POST /api/wallet/admin/process_credit_request": ADMINS,
    "POST /api/wallet/charge_sale": OWN_MOVES,
    # Service 001
    "POST /wallets": COMMANDERS,
    "GET /wallets/{uuid}": OWN,
    "POST /wallets/{uuid}/deposit": COMMANDERS,
    "POST /wallets/{uuid}/withdraw": OWN_MOVES,
    "GET /wallets/{uuid}/transactions": OWN,
    "GET /wallets/{uuid}/transactions/{id}": OWN,
    # Service 002: everybody has the own wallet
    "POST /api/wallet/transfer": WRITERS,
    "GET /api/wallet/balance": KNOWN,
    "POST /api/wallet/deposit": COMMANDERS,
    "GET /api/wallet/transactions": KNOWN,
    "GET /api/wallet/users": KNOWN,
    "GET /media/receipts/{name}": KNOWN,  # one that is not theirs is not there
    # Service 003
    "GET /api/sellers": READERS,
    "POST /api/sellers": ADMINS,
    "GET /api/sellers/{id}": OWN,
    "PATCH /api/sellers/{id}": ADMINS,
    "GET /api/sellers/{id}/balance": OWN,
    "GET /api/sellers/{id}/transactions": OWN,
    "GET /api/sellers/{id}/reconcile": OWN,
    "GET /api/credit-requests": OWN,
    "POST /api/credit-requests": OWN_MOVES,
    "GET /api/credit-requests/{id}": OWN,
    "POST /api/credit-requests/{id}/process": ADMINS,
    "POST /api/charge-sales": OWN_MOVES,
    "GET /api/transactions": OWN,
    "GET /api/phone-numbers": READERS,
    "GET /api/phone-numbers/{id}": READERS,
    "GET /api/phone-numbers/{id}/transactions": READERS,
    # Service 004
    "POST /api/wallets": COMMANDERS,
    "GET /api/wallets/{uuid}": OWN,
    "PATCH /api/wallets/{uuid}/deposit": COMMANDERS,
    "POST /api/wallets/{uuid}/withdraw": OWN_MOVES,
    # People
    "POST /api/users": ADMINS,
    "GET /api/users": READERS,
    "GET /api/users/me": KNOWN,
    "GET /api/users/{id}": OWN,
    "POST /v1/tokens": KNOWN,
    "DELETE /v1/tokens/current": KNOWN,
    "GET /v1/audit": LOOKERS,
    # The API
    "POST /v1/wallets": COMMANDERS,
    "GET /v1/wallets": READERS,
    "GET /v1/wallets/{wallet_id}": OWN,
    "POST /v1/wallets/{wallet_id}/status": COMMANDERS,
    "GET /v1/wallets/{wallet_id}/balance": OWN,
    "GET /v1/wallets/{wallet_id}/statement": OWN,
    "GET /v1/wallets/{wallet_id}/events": OWN,
    "POST /v1/deposits": COMMANDERS,
    "POST /v1/transfers": OWN_MOVES,
    "POST /v1/charge-sales": OWN_MOVES,
    "POST /v1/refunds": COMMANDERS,
    "POST /v1/withdrawals": OWN_MOVES,
    "GET /v1/withdrawals": OWN,
    "GET /v1/withdrawals/{withdrawal_id}": OWN,
    "POST /v1/withdrawals/{withdrawal_id}/cancel": OWN_MOVES,
    "POST /v1/credit-requests": OWN_MOVES,
    "GET /v1/credit-requests": OWN,
    "GET /v1/credit-requests/{credit_request_id}": OWN,
    "POST /v1/credit-requests/{credit_request_id}/approve": ADMINS,
    "POST /v1/credit-requests/{credit_request_id}/reject": ADMINS,
    "GET /v1/transactions": OWN,
    "GET /v1/transactions/{transaction_id}": OWN,
    "POST /v1/commands": COMMANDERS,
    "GET /v1/results/{command_id}": OWN,
    "GET /v1/stream": KNOWN,
    # The gateway
    "GET /docs/errors": EVERYBODY,
    "GET /docs/messages": EVERYBODY,
    "GET /asyncapi.json": EVERYBODY,
    "GET /asyncapi.yaml": EVERYBODY,
    "GET /schemas": EVERYBODY,
    "GET /schemas/vectors.json": EVERYBODY,
    "GET /schemas/{name}": EVERYBODY,
    "GET /healthz": EVERYBODY,
    "GET /api/schema": EVERYBODY,
    "GET /api/schema/swagger-ui": EVERYBODY,
    "GET /api/schema/redoc": EVERYBODY,
    "GET /api/schema/assets/{package}/{file}": EVERYBODY,
}
"""Method and path -> who may. A new route needs its line."""
