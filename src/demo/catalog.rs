//! The demo's services, routes and workers, and the texts of their log lines. All of them are
//! invented.
//!
//! [`super::text`] replaces `{name}` in a text by a value.

use crate::event::level::Level;
use crate::event::level::Level::{Debug, Info, Warn};

/// The hosts that serve requests.
pub(super) const SHOP_HOSTS: [&str; 6] = ["shop-1", "shop-2", "shop-3", "shop-4", "shop-5", "shop-6"];
/// The hosts that run workers.
pub(super) const JOB_HOSTS: [&str; 3] = ["jobs-1", "jobs-2", "jobs-3"];

/// One route of the shop, and the lines that services log while one request is served.
pub(super) struct Route {
    pub(super) method: &'static str,
    pub(super) route: &'static str,
    /// The path as the access line quotes it.
    pub(super) path: &'static str,
    pub(super) weight: u32,
    pub(super) median_ms: f64,
    pub(super) sigma: f64,
    /// The status of a successful request.
    pub(super) status: u16,
    /// The status of a request that the client got wrong, and the share of such requests.
    pub(super) refusal: (u16, f64),
    pub(super) steps: &'static [RouteStep],
}

/// A line that one service logs in a share of the requests.
pub(super) struct RouteStep {
    pub(super) module: &'static str,
    pub(super) level: Level,
    pub(super) share: f64,
    pub(super) text: &'static str,
}

const fn step(module: &'static str, level: Level, share: f64, text: &'static str) -> RouteStep {
    RouteStep { module, level, share, text }
}

const SESSION: RouteStep = step("auth", Debug, 0.7, "session {session} belongs to user {user}, {n} minutes left");

pub(super) const ROUTES: [Route; 10] = [
    Route {
        method: "GET",
        route: "/home",
        path: "/home",
        weight: 22,
        median_ms: 38.0,
        sigma: 0.35,
        status: 200,
        refusal: (304, 0.15),
        steps: &[
            SESSION,
            step("catalog", Info, 0.9, "front page assembled from {n} shelves for user {user}"),
            step("catalog", Debug, 0.4, "shelf {big} read from cache in {ms}, {kb} KiB"),
            step("assistant", Info, 0.6, "ranked {n} suggestions for user {user}, best is sku {sku}"),
        ],
    },
    Route {
        method: "GET",
        route: "/products",
        path: "/products/{sku}",
        weight: 26,
        median_ms: 24.0,
        sigma: 0.4,
        status: 200,
        refusal: (404, 0.02),
        steps: &[
            SESSION,
            step("catalog", Info, 0.95, "product {sku} rendered with {n} variants"),
            step("catalog", Debug, 0.3, "image set of {sku} resolved, {kb} KiB over {n} files"),
            step("stock", Info, 0.6, "sku {sku}: {n} pieces free in warehouse {part}"),
            step("catalog", Warn, 0.015, "product {sku} has no price in currency CHF, showing EUR"),
        ],
    },
    Route {
        method: "GET",
        route: "/search",
        path: "/search?q={term}&page={n}",
        weight: 16,
        median_ms: 62.0,
        sigma: 0.45,
        status: 200,
        refusal: (400, 0.005),
        steps: &[
            step("search", Debug, 0.6, "query '{term}' rewritten with {n} synonyms"),
            step("search", Info, 0.95, "query '{term}' matched {big} products on {n} shards"),
            step("assistant", Info, 0.4, "reranked top {n} of query '{term}' for user {user}"),
            step("search", Warn, 0.015, "shard {part} answered late, {n} hits left out"),
        ],
    },
    Route {
        method: "GET",
        route: "/cart",
        path: "/cart",
        weight: 10,
        median_ms: 15.0,
        sigma: 0.35,
        status: 200,
        refusal: (404, 0.01),
        steps: &[
            SESSION,
            step("cart", Info, 0.9, "cart {cart} of user {user} loaded, {n} items worth {money} EUR"),
            step("stock", Debug, 0.4, "availability of {n} skus of cart {cart} checked"),
        ],
    },
    Route {
        method: "POST",
        route: "/cart/items",
        path: "/cart/items",
        weight: 9,
        median_ms: 28.0,
        sigma: 0.4,
        status: 201,
        refusal: (409, 0.015),
        steps: &[
            SESSION,
            step("cart", Info, 0.95, "sku {sku} put into cart {cart}, quantity {n}"),
            step("stock", Info, 0.7, "sku {sku}: soft reservation {hex} for {n} minutes"),
            step("cart", Debug, 0.3, "cart {cart} saved as version {n}, {kb} KiB"),
        ],
    },
    Route {
        method: "POST",
        route: "/checkout",
        path: "/checkout",
        weight: 4,
        median_ms: 140.0,
        sigma: 0.4,
        status: 201,
        refusal: (422, 0.03),
        steps: &[
            SESSION,
            step("checkout", Info, 1.0, "order {order} opened from cart {cart}, total {money} EUR"),
            step("stock", Info, 0.95, "order {order}: {n} pieces held in warehouse {part}"),
            step("shipping", Info, 0.8, "order {order}: parcel of {kb} g goes by carrier {n}"),
            step("payments", Info, 0.9, "order {order}: payment intent {hex} over {money} EUR created"),
            step("payments", Warn, 0.1, "order {order}: card check wants a second factor from user {user}"),
            step("checkout", Debug, 0.5, "order {order} handed to topic orders, partition {part} at {offset}"),
        ],
    },
    Route {
        method: "POST",
        route: "/payments/confirm",
        path: "/payments/confirm",
        weight: 3,
        median_ms: 310.0,
        sigma: 0.35,
        status: 200,
        refusal: (402, 0.03),
        steps: &[
            step("payments", Info, 1.0, "payment {hex} of order {order} captured in {ms}"),
            step("payments", Debug, 0.5, "provider answered with receipt {big}-{hex}"),
            step("checkout", Info, 0.9, "order {order} paid by user {user}"),
        ],
    },
    Route {
        method: "GET",
        route: "/orders",
        path: "/orders/{order}",
        weight: 5,
        median_ms: 33.0,
        sigma: 0.4,
        status: 200,
        refusal: (404, 0.02),
        steps: &[
            SESSION,
            step("checkout", Info, 0.8, "order {order} shown to user {user}, {n} events in its history"),
            step("shipping", Debug, 0.5, "track of order {order} has {n} points"),
        ],
    },
    Route {
        method: "POST",
        route: "/login",
        path: "/login",
        weight: 4,
        median_ms: 85.0,
        sigma: 0.25,
        status: 200,
        refusal: (401, 0.06),
        steps: &[
            step("auth", Info, 0.95, "user {user} signed in from {ip}, session {session}"),
            step("auth", Debug, 0.5, "password of user {user} verified in {ms}"),
            step("auth", Warn, 0.1, "user {user} signed in from a new country, mail queued"),
        ],
    },
    Route {
        method: "POST",
        route: "/assistant/ask",
        path: "/assistant/ask",
        weight: 3,
        median_ms: 900.0,
        sigma: 0.4,
        status: 200,
        refusal: (429, 0.02),
        steps: &[
            step("assistant", Info, 1.0, "question of user {user} answered with {big} tokens from {n} sources"),
            step("assistant", Debug, 0.6, "prompt built from {n} documents, {big} tokens"),
            step("catalog", Debug, 0.5, "{n} product cards rendered for the answer to user {user}"),
        ],
    },
];

/// An error that a service can have: within a request, by itself, or in a burst.
pub(super) struct FailureText {
    pub(super) module: &'static str,
    pub(super) text: &'static str,
    pub(super) code: Option<&'static str>,
    /// The status of a request that fails with this error.
    pub(super) status: u16,
}

const fn failure(module: &'static str, status: u16, text: &'static str) -> FailureText {
    FailureText { module, text, code: None, status }
}

/// Failures within requests, at least one for a service of each route.
pub(super) const FAILURES: [FailureText; 12] = [
    failure("auth", 500, "session {session} unreadable: key store did not answer within {n} s"),
    failure("catalog", 502, "reading product {sku} failed: replica {ip}:6432 closed the connection"),
    failure("search", 504, "query '{term}' gave up after {ms}: {n} shards missing"),
    failure("cart", 500, "saving cart {cart} failed: version conflict after {n} tries"),
    failure("stock", 503, "reservation for sku {sku} refused: warehouse {part} is not reachable"),
    failure("checkout", 500, "order {order} not opened: total {money} differs from quoted sum"),
    failure("payments", 502, "provider rejected payment {hex}: gateway error {big}"),
    failure("payments", 504, "provider did not answer for order {order} within {ms}"),
    failure("shipping", 503, "no carrier quote for order {order}: all {n} carriers refused"),
    FailureText {
        module: "assistant",
        text: "GLM-1024: no GPU memory left for a batch of {big} tokens",
        code: Some("GLM-1024"),
        status: 500,
    },
    FailureText {
        module: "assistant",
        text: "GLM-2001: API key refused by {ip} for request {hex}",
        code: Some("GLM-2001"),
        status: 503,
    },
    FailureText {
        module: "assistant",
        text: "GLM-3005: cache file {hex} has a wrong checksum",
        code: Some("GLM-3005"),
        status: 502,
    },
];

/// A background worker, which logs without any request.
pub(super) struct Worker {
    pub(super) module: &'static str,
    pub(super) weight: u32,
    pub(super) lines: &'static [(Level, &'static str)],
    pub(super) warning: &'static str,
    pub(super) error: &'static str,
}

pub(super) const WORKERS: [Worker; 9] = [
    Worker {
        module: "orders.consumer",
        weight: 26,
        lines: &[
            (Info, "took {n} orders from partition {part}, now at {offset}"),
            (Info, "order {order} forwarded to the warehouse in {ms}"),
            (Debug, "partition {part} is {n} messages behind"),
        ],
        warning: "partition {part} is {big} messages behind",
        error: "order {order} put aside: its schema {n} is not known",
    },
    Worker {
        module: "stock.sync",
        weight: 18,
        lines: &[
            (Info, "warehouse {part} reported {big} changed skus"),
            (Debug, "sku {sku} set to {n} pieces in warehouse {part}"),
        ],
        warning: "sku {sku} was counted twice in warehouse {part}, keeping the lower count",
        error: "rows of sku {sku} are locked by transaction {big}, rolled back",
    },
    Worker {
        module: "search.indexer",
        weight: 18,
        lines: &[
            (Info, "segment {big} merged, {kb} KiB in {ms}"),
            (Info, "{n} documents indexed on shard {part}"),
            (Debug, "refresh of shard {part} took {ms}"),
        ],
        warning: "merge of segment {big} postponed, {n} merges are waiting",
        error: "document {sku} not indexed: field weight holds text '{term}'",
    },
    Worker {
        module: "mailer.queue",
        weight: 12,
        lines: &[
            (Info, "mail {hex} to user {user} accepted by relay {ip}"),
            (Debug, "template order-confirmation rendered in {ms}, {kb} KiB"),
        ],
        warning: "mail {hex} greylisted by {ip}, again in {n} minutes",
        error: "relay {ip} refused mail {hex} for user {user}",
    },
    Worker {
        module: "catalog.cache",
        weight: 10,
        lines: &[
            (Debug, "{big} entries looked through, {n} dropped, {kb} KiB freed"),
            (Info, "hit ratio {n} percent over {big} reads"),
        ],
        warning: "cache holds {big} entries, dropping the oldest {n} percent",
        error: "snapshot {hex} of the cache not written: {kb} KiB left on volume",
    },
    Worker {
        module: "payments.client",
        weight: 8,
        lines: &[
            (Info, "settlement {hex}: {n} payments worth {money} EUR"),
            (Debug, "connection {n} to the provider renewed after {big} calls"),
        ],
        warning: "provider slows down: {ms} for settlement {hex}",
        error: "settlement {hex} not accepted by the provider, sum {money} EUR",
    },
    Worker {
        module: "sessions.store",
        weight: 8,
        lines: &[(Debug, "{n} sessions expired, {big} alive"), (Info, "follower {ip} caught up, {kb} KiB sent")],
        warning: "follower {ip} is {n} s behind",
        error: "follower {ip} dropped: its log ends before entry {offset}",
    },
    Worker {
        module: "assistant.embedder",
        weight: 8,
        lines: &[(Info, "{n} reviews embedded in {ms}"), (Debug, "vector of sku {sku} moved by {n} permille")],
        warning: "batch {hex} is short, {n} reviews had no text",
        error: "batch {hex} lost: model host {ip} went away",
    },
    Worker {
        module: "shipping.tracker",
        weight: 8,
        lines: &[
            (Info, "parcel {big}-{n} scanned at hub {part}"),
            (Debug, "carrier feed {n} read, {big} scans in {ms}"),
        ],
        warning: "parcel {big}-{n} has not moved for {n} hours",
        error: "carrier feed {n} is cut off after {kb} KiB",
    },
];

/// The steps of the nightly maintenance, which are the same in every run.
pub(super) const MAINTENANCE: [&str; 12] = [
    "close yesterday's ledger",
    "purge carts without owner",
    "expire one-time passwords",
    "rotate signing keys",
    "compact the order archive",
    "refresh exchange rates",
    "rebuild the sitemap",
    "recount loyalty points",
    "trim search suggestions",
    "archive delivered parcels",
    "verify last backup",
    "publish the daily figures",
];
