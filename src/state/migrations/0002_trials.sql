-- What each shopper did with the recommendations of an experiment. `unit` stands for the shopper: a keyed hash.
CREATE TABLE trial_units (
    experiment TEXT NOT NULL,
    arm TEXT NOT NULL,
    unit BIGINT NOT NULL,
    impressions BIGINT NOT NULL,
    clicks BIGINT NOT NULL,
    carts BIGINT NOT NULL,
    purchases BIGINT NOT NULL,
    amount DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (experiment, unit, arm)
);
