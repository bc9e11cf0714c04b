# `make run` starts Steadfast on this machine; `make test` is what CI runs.

CARGO ?= cargo
CARGO_HOME ?= $(HOME)/.cargo
export PATH := $(CARGO_HOME)/bin:$(PATH)

# Says what was left out: to the list that CI prints at its end, or at once.
left_out = if [ -n "$$STEADFAST_SKIPPED" ]; then echo "$(1)" >> "$$STEADFAST_SKIPPED"; else echo "Left out: $(1)"; fi

.PHONY: run build test needs peers tidy lint unit scripts deny bench bench-log bench-store bench-drift bench-manifests bench-scan bench-logs bench-latency bench-kubernetes bench-cluster bench-remote-write bench-node-exporter bench-ingest-logs bench-queries bench-dashboards bench-visible bench-sql bench-eval bench-plan bench-alerts bench-alert-folds bench-judge soak soak-promql soak-incidents soak-telemetry test-alertmanager bench-series fuzz fuzz-ci

run: build
	$(CARGO) run --release --locked -q -p steadfast -- up

build: needs
	$(CARGO) build --release --locked -p steadfast

# Cheap checks first: most mistakes are found in seconds.
test: needs tidy scripts deny lint peers unit fuzz-ci

needs:
	@scripts/needs.sh

# Servers that tests run against. The tests that need one are left out where it cannot be installed.
peers:
	@if command -v java >/dev/null && command -v mvn >/dev/null && command -v python3 >/dev/null; then tests/peers/kafka-install.sh; \
	else $(call left_out,tests against Kafka: they need java and mvn and python3); fi
	@if [ ! -x "$${STEADFAST_PEERS:-$$HOME/.cache/steadfast/peers}/bin/helm" ]; then \
	$(call left_out,tests against Kubernetes and helm: tests/peers/kubernetes/install.sh installs them in 15 minutes); fi
	@if ! command -v python3 >/dev/null || ! tests/peers/adbc-install.sh >/dev/null 2>&1; then \
	$(call left_out,tests with ADBC: they need python3 with venv and its packages); fi
	@if ! command -v java >/dev/null || ! command -v mvn >/dev/null || ! tests/peers/jdbc-install.sh >/dev/null 2>&1; then \
	$(call left_out,tests with JDBC: they need java and mvn and their packages); fi
	@if [ ! -x "$${STEADFAST_PEERS:-$$HOME/.cache/steadfast/peers}/bin/prometheus" ]; then \
	$(call left_out,tests against Prometheus: tests/peers/monitoring-install.sh prometheus installs it in 6 minutes); fi
	@if [ ! -x "$${STEADFAST_PEERS:-$$HOME/.cache/steadfast/peers}/bin/weed" ]; then \
	$(call left_out,tests against an S3 server: tests/peers/seaweedfs-install.sh installs it in 5 to 12 minutes); fi
	@if [ ! -x "$${STEADFAST_PEERS:-$$HOME/.cache/steadfast/peers}/sql/bin/python" ]; then \
	$(call left_out,tests with DuckDB: tests/peers/sql-install.sh installs it in half a minute); fi
	@if ! command -v psql >/dev/null || [ ! -x "$${STEADFAST_PEERS:-$$HOME/.cache/steadfast/peers}/sql/bin/python" ]; then \
	$(call left_out,tests against psql and psycopg: apt-get install postgresql-client, and tests/peers/sql-install.sh in half a minute); fi

# The project's own rules: format, layers, sizes, documents.
tidy: needs
	$(CARGO) fmt --all -- --check
	$(CARGO) fmt --manifest-path fuzz/Cargo.toml -- --check
	$(CARGO) test --locked -q -p tidy

lint: needs
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

unit: needs
	$(CARGO) test --workspace --locked

scripts:
	@set -e; for script in scripts/*.sh benches/*.sh .ci/run; do bash -n "$$script"; done
	@if command -v shellcheck >/dev/null; then shellcheck scripts/*.sh benches/*.sh .ci/run; \
	else $(call left_out,shell scripts were only parsed: shellcheck is not installed); fi

# Licences, banned crates and where crates come from.
deny:
	@if command -v cargo-deny >/dev/null; then cargo deny --all-features check licenses bans sources; \
	else $(call left_out,licences and banned crates: cargo-deny is not installed); fi

# Figures of docs/benchmarks.md; each prints its own.
bench: bench-log bench-store bench-drift bench-manifests bench-scan bench-latency

bench-remote-write: build
	benches/remote_write.sh

# Eight minutes of scrapes, beside VictoriaMetrics and Prometheus; needs Go and Debian's packages.
bench-node-exporter: build
	benches/node_exporter.sh

# Beside VictoriaLogs; needs Go.
bench-ingest-logs: build
	benches/logs.sh

bench-queries: build
	benches/queries.sh

# From the answer to a write until a query has it.
bench-visible: build
	benches/visible.sh

# Fifty people's dashboards while samples are written.
bench-dashboards: build
	benches/dashboards.sh

# Questions in SQL over log records, beside DuckDB and chdb over the same files.
bench-sql: build
	benches/sql.sh

# PromQL over series in memory, and plans over the manifest of 100,000 files.
bench-eval: needs
	$(CARGO) run --release --locked -q -p promql --example eval_bench

bench-plan: needs
	$(CARGO) run --release --locked -q -p query --example plan_bench

bench-judge: needs
	$(CARGO) run --release --locked -q -p judge --example looks_bench -- 200
	$(CARGO) run --release --locked -q -p judge --example end_bench -- 400
	$(CARGO) run --release --locked -q -p judge --example delay_bench -- 40
	$(CARGO) run --release --locked -q -p judge --example speed_bench

bench-log: needs
	$(CARGO) run --release --locked -q -p bus --example append_bench

bench-store: needs
	$(CARGO) run --release --locked -q -p store --example store_bench

bench-series: needs
	MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=65536 MALLOC_TRIM_THRESHOLD_=65536 $(CARGO) run --release --locked -q -p ingest --example series_bench -- 1000000 10

bench-drift: needs
	$(CARGO) run --release --locked -q -p folds --example sweep_bench -- 1000000
	$(CARGO) run --release --locked -q -p folds --example sweep_bench -- 10000000

bench-alert-folds: needs
	$(CARGO) run --release --locked -q -p folds --example alerts_bench -- maps 1000000
	$(CARGO) run --release --locked -q -p folds --example alerts_bench -- 100000 10000
	$(CARGO) run --release --locked -q -p folds --example alerts_bench -- 1000000 100000

bench-manifests: needs
	$(CARGO) run --release --locked -q -p sources --example read_manifests -- 10000

bench-scan: needs
	$(CARGO) run --release --locked -q -p collectors --example scan_bench -- 200000

bench-logs: needs
	$(CARGO) run --release --locked -q -p collectors --example logs_bench

bench-latency: needs
	$(CARGO) bench --locked -q -p steadfast --bench latency

bench-cluster: needs
	$(CARGO) bench --locked -q -p steadfast --bench kubernetes -- simulated 100000 20000 1000
	$(CARGO) bench --locked -q -p steadfast --bench kubernetes -- real 200

# Beside gitops-engine; needs Go.
bench-kubernetes: needs
	benches/kubernetes.sh

# Beside Alertmanager; needs Go.
bench-alerts: build
	benches/alerts.sh

# Alertmanager's own acceptance tests, which come from its Go module, against ours; needs Go.
test-alertmanager: build
	tests/peers/alertmanager-suite.sh target/release/steadfast

# Longer than CI has time for: the process is killed at 200 random moments.
soak: needs
	STEADFAST_KILLS=200 $(CARGO) test --locked -p steadfast --test it killed -- --nocapture

# Random questions to a real Prometheus and to us, 20,000 instead of 300.
soak-promql: needs
	STEADFAST_QUERIES=20000 STEADFAST_SEED=$${SEED:-1} $(CARGO) test --locked -p steadfast --test it differential -- --nocapture

# Telemetry on a disk that loses what was not synced: 1,000 kills and power cuts, then 50 of the real process.
soak-telemetry: needs
	STEADFAST_KILLS=$${STEADFAST_KILLS:-1000} $(CARGO) test --release --locked -p ingest --test it killed -- --nocapture
	STEADFAST_KILLS=50 $(CARGO) test --locked -p steadfast --test it telemetry:: -- --nocapture

# Incidents under every fault, in simulated time, from 20,000 seeds instead of 40.
soak-incidents: needs
	STEADFAST_SEEDS=20000 $(CARGO) test --release --locked -p folds --test incidents each_cause -- --nocapture

# Decoders on inputs that a fuzzer makes up: 10 minutes each, which is a night for all.
fuzz: needs
	scripts/fuzz.sh 600

# The same for 2 s each, from the same inputs each time, where the libraries were built with coverage before.
FUZZED = $(HOME)/.cache/steadfast/fuzz-ci
fuzz-ci: needs
	@if scripts/fuzz.sh built; then rm -rf $(FUZZED); STEADFAST_FUZZ=$(FUZZED) scripts/fuzz.sh 2; \
	else $(call left_out,fuzzing of decoders: make fuzz builds what it needs); fi
