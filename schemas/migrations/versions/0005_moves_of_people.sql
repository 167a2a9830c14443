CREATE TABLE kyc_moves (
    wallet_id uuid NOT NULL,
    day date NOT NULL,
    command_key uuid NOT NULL,
    fingerprint uuid NOT NULL,
    amount numeric NOT NULL,
    CONSTRAINT kyc_moves_pkey PRIMARY KEY (wallet_id, day, command_key, fingerprint),
    CONSTRAINT kyc_moves_positive CHECK (amount > 0)
);

CREATE INDEX refunds_by_refund ON refunds (refund_id);
