//! PostgreSQL's wire: SQL from psql, drivers and Grafana.
