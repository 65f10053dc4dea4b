# Every chore has a name. `make` alone lists them.

.PHONY: help demo test tools check fmt bench instructions doubling build size deny fuzz growth latency soak clean

help: ## list the chores
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

demo: ## make a stream with faults in it, filter it, show what was found
	cargo run --release --quiet -- demo --show

# Real logs lie beside the checkout where the maintainers work. Elsewhere the tests that read them are left out, and that is said;
# with SEISMOLOG_SHARED=required they fail.
SAMPLES := $(wildcard $(or $(SEISMOLOG_SHARED_DIR),../shared)/data/loghub)$(filter required,$(SEISMOLOG_SHARED))

test: tools ## run every test
	cargo test --doc --quiet
	@test -n "$(SAMPLES)" || echo "left out: tests/integration/samples.rs, whose logs are not here"
	cargo nextest run $(if $(SAMPLES),,-E 'not test(samples::)')

check: ## formatting and lints
	cargo fmt --all --check
	cargo clippy --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --quiet

fmt: ## format the source
	cargo fmt --all

build: ## the release binary
	cargo build --release

bench: ## what each stage costs an event, what each end carries
	cargo bench

instructions: build ## count each stage's instructions; fail where they have grown by over a tenth
	benches/instructions.py

doubling: build ## count the instructions of streams twice as long; fail where an event costs more the more came before it
	benches/doubling.py

# The tests need nextest, Prometheus with promtool, Alertmanager, Chromium with its driver, openssl for a certificate, valgrind,
# a mail server, Grafana's types with the compiler that checks the boards against them, and what the examples are for: rsyslog, syslog-ng,
# systemd's and Kubernetes' checkers.
tools: ## install what the tests need, where it is missing
	@cargo nextest --version >/dev/null 2>&1 || cargo install cargo-nextest --locked
	@tests/tools/debian.sh
	@test -x target/tools/syslog-ng/usr/sbin/syslog-ng || tests/tools/syslog-ng.sh
	@test -x target/tools/kubernetes/bin/kubernetes-validate || { python3 -m venv target/tools/kubernetes \
	  && target/tools/kubernetes/bin/pip install --quiet --disable-pip-version-check kubernetes-validate==1.37.0; }
	@test -x target/tools/mail/bin/aiosmtpd || { python3 -m venv target/tools/mail \
	  && target/tools/mail/bin/pip install --quiet --disable-pip-version-check aiosmtpd==1.4.6; }
	@test -x target/tools/grafana/node_modules/.bin/tsc || npm install --silent --no-save --no-audit --no-fund --ignore-scripts \
	  --prefix target/tools/grafana @grafana/schema@13.2.3 typescript@5.9.3

fuzz: ## fuzz each target for ten minutes; fuzz/run takes other times and targets
	fuzz/run 600

deny: ## licences, origins and bans of dependencies; needs cargo-deny
	cargo deny check bans licenses sources

size: build ## the size of the release binary; fails beyond 15 MiB
	@bytes=$$(stat -c %s target/release/seismolog) && echo "$$bytes bytes" && test $$bytes -le $$((15 << 20)) \
	  || { echo "the release binary has more than 15 MiB"; exit 1; }

growth: ## what an event costs as the work grows; memory and start-up
	cargo bench --bench growth

latency: ## how much later an event leaves, at 50,000 events a second
	cargo bench --bench latency

soak: ## thirty minutes at half the top speed with faults of all kinds
	cargo bench --bench soak -- 30

clean: ## remove what was built
	cargo clean
