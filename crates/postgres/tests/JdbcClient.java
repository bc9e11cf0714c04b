import java.math.BigDecimal;
import java.sql.*;
import java.time.*;
import java.util.*;

/** Asks as programs do with PostgreSQL's JDBC driver: JdbcClient PORT PASSWORD. Says what is not as it should be. */
public class JdbcClient {
    interface Work { Object run() throws Exception; }
    interface Values { void set(PreparedStatement statement) throws Exception; }
    interface Cell { Object of(ResultSet row) throws Exception; }

    static final List<String> wrong = new ArrayList<>();
    static final String LONG = "SELECT count(*) FROM range(0, 100000000000) WHERE value % 7 = 8";
    static final Instant HALF_PAST = Instant.parse("2026-11-25T09:30:00Z");

    static void same(String name, Object expected, Work work) {
        try {
            Object seen = work.run();
            if (!Objects.equals(String.valueOf(seen), String.valueOf(expected))) wrong.add(name + ": expected " + expected + ", got " + seen);
        } catch (Throwable error) {
            String state = error instanceof SQLException sql ? sql.getSQLState() + " " : "";
            wrong.add(name + ": " + state + error);
        }
    }

    /** The SQLSTATE of what is thrown. */
    static String state(Work work) throws Exception {
        try {
            return "nothing, but " + work.run();
        } catch (SQLException error) {
            return error.getSQLState();
        }
    }

    /** A cell of the first row; asked eight times, since from the fifth on the driver keeps the statement and takes binary values. */
    static Object one(Connection db, String sql, Values values, Cell cell) throws Exception {
        Object first = null;
        try (PreparedStatement statement = db.prepareStatement(sql)) {
            for (int n = 0; n < 8; n++) {
                values.set(statement);
                try (ResultSet rows = statement.executeQuery()) {
                    if (!rows.next()) throw new IllegalStateException("no row");
                    Object seen = cell.of(rows);
                    if (n == 0) first = seen;
                    else if (!Objects.equals(String.valueOf(first), String.valueOf(seen))) throw new IllegalStateException("first " + first + ", then " + seen);
                }
            }
        }
        return first;
    }

    static Object one(Connection db, String sql, Cell cell) throws Exception {
        return one(db, sql, statement -> {}, cell);
    }

    static void parameters(Connection db) {
        same("int", 42, () -> one(db, "SELECT ?::int + 1", s -> s.setInt(1, 41), r -> r.getInt(1)));
        same("an int alone", 41, () -> one(db, "SELECT ?", s -> s.setInt(1, 41), r -> r.getObject(1, Integer.class)));
        same("long", 1L << 40, () -> one(db, "SELECT ?", s -> s.setLong(1, 1L << 40), r -> r.getLong(1)));
        same("short", 7, () -> one(db, "SELECT ?", s -> s.setShort(1, (short) 7), r -> r.getShort(1)));
        same("double", 1.5e300, () -> one(db, "SELECT ?", s -> s.setDouble(1, 1.5e300), r -> r.getDouble(1)));
        same("NaN", Double.NaN, () -> one(db, "SELECT ?", s -> s.setDouble(1, Double.NaN), r -> r.getDouble(1)));
        same("float", 1.5f, () -> one(db, "SELECT ?", s -> s.setFloat(1, 1.5f), r -> r.getFloat(1)));
        same("decimal", 4, () -> one(db, "SELECT count(*) FROM samples WHERE value >= ?", s -> s.setBigDecimal(1, new BigDecimal("57.0")), r -> r.getLong(1)));
        same("boolean", true, () -> one(db, "SELECT ?", s -> s.setBoolean(1, true), r -> r.getBoolean(1)));
        same("text", "é'\\\"x", () -> one(db, "SELECT ?", s -> s.setString(1, "é'\\\"x"), r -> r.getString(1)));
        same("bytes", "[0, 1, -1]", () -> one(db, "SELECT ?", s -> s.setBytes(1, new byte[] {0, 1, -1}), r -> Arrays.toString(r.getBytes(1))));
        same("uuid", "07070707-0707-0707-0707-070707070707", () -> one(db, "SELECT ?", s -> s.setObject(1, UUID.fromString("07070707-0707-0707-0707-070707070707")), r -> r.getObject(1)));
        same("null", null, () -> one(db, "SELECT ?::int", s -> s.setNull(1, Types.INTEGER), r -> r.getObject(1)));
        same("null of no type", true, () -> one(db, "SELECT ? IS NULL", s -> s.setObject(1, null), r -> r.getBoolean(1)));
        same("null where", 61, () -> one(db, "SELECT count(*) FROM samples WHERE ? IS NULL OR value > 5", s -> s.setNull(1, Types.DOUBLE), r -> r.getLong(1)));
        same("texts", 2, () -> one(db, "SELECT count(*) FROM series WHERE metric = ANY(?)", s -> s.setArray(1, db.createArrayOf("text", new String[] {"node_cpu_seconds_total", "x"})), r -> r.getLong(1)));
        same("numbers", 2, () -> one(db, "SELECT count(*) FROM samples WHERE value = ANY(?)", s -> s.setObject(1, new double[] {1, 2}), r -> r.getLong(1)));
        same("a list with null", "[1, null, 3]", () -> one(db, "SELECT ?", s -> s.setArray(1, db.createArrayOf("int4", new Integer[] {1, null, 3})), r -> list(r, 1)));
        same("LIMIT", 3, () -> one(db, "SELECT count(*) FROM (SELECT * FROM samples LIMIT ? OFFSET ?) x", s -> { s.setInt(1, 7); s.setLong(2, 58); }, r -> r.getLong(1)));
        same("IN", 3, () -> one(db, "SELECT count(*) FROM samples WHERE value IN (?, ?, ?)", s -> { s.setDouble(1, 1); s.setInt(2, 2); s.setLong(3, 3); }, r -> r.getLong(1)));
        same("a label", 2, () -> one(db, "SELECT count(*) FROM series WHERE labels['job'] = ? AND labels ->> 'mode' <> ?", s -> { s.setString(1, "web"); s.setString(2, "none"); }, r -> r.getLong(1)));
        same("PromQL", 31, () -> one(db, "SELECT count(*) FROM prom_range(?, ?, ?, '1m') WHERE value >= ?", s -> {
            s.setString(1, "node_cpu_seconds_total{mode=\"user\"}");
            s.setString(2, "2026-11-25T09:00:00Z");
            s.setObject(3, OffsetDateTime.parse("2026-11-25T09:30:00Z"));
            s.setDouble(4, 0);
        }, r -> r.getLong(1)));
        same("a series of numbers", 5, () -> one(db, "SELECT count(*) FROM generate_series(?, ?) g", s -> { s.setInt(1, 1); s.setInt(2, 5); }, r -> r.getLong(1)));
        same("in a subquery", 9.0, () -> one(db, "SELECT (SELECT max(value) FROM samples WHERE value < ?) AS n", s -> s.setDouble(1, 10), r -> r.getDouble(1)));
        same("another type each time", "fine", () -> {
            try (PreparedStatement s = db.prepareStatement("SELECT count(*) FROM samples WHERE value > ?")) {
                for (int n = 0; n < 12; n++) {
                    if (n % 2 == 0) s.setInt(1, 3);
                    else s.setString(1, "3.5");
                    s.executeQuery().close();
                }
            }
            return "fine";
        });
        same("what a statement takes and gives", "float8 timestamptz -> timestamptz v java.sql.Timestamp", () -> {
            try (PreparedStatement s = db.prepareStatement("SELECT ts, value AS v FROM samples WHERE value > ? AND ts > ?")) {
                ParameterMetaData takes = s.getParameterMetaData();
                ResultSetMetaData gives = s.getMetaData();
                return takes.getParameterTypeName(1) + " " + takes.getParameterTypeName(2) + " -> " + gives.getColumnTypeName(1) + " " + gives.getColumnLabel(2) + " " + gives.getColumnClassName(1);
            }
        });
    }

    static void times(Connection db) {
        String since = "SELECT count(*) FROM samples WHERE ts >= ?";
        same("timestamp", 31, () -> one(db, since, s -> s.setTimestamp(1, Timestamp.from(HALF_PAST)), r -> r.getLong(1)));
        same("timestamp of a calendar", 31, () -> one(db, since, s -> s.setTimestamp(1, Timestamp.from(HALF_PAST), Calendar.getInstance(TimeZone.getTimeZone("Asia/Tokyo"))), r -> r.getLong(1)));
        same("with an offset", 31, () -> one(db, since, s -> s.setObject(1, OffsetDateTime.parse("2026-11-25T11:30:00+02:00")), r -> r.getLong(1)));
        same("without a zone", 31, () -> one(db, since, s -> s.setObject(1, LocalDateTime.parse("2026-11-25T09:30:00")), r -> r.getLong(1)));
        same("date", 61, () -> one(db, since, s -> s.setDate(1, java.sql.Date.valueOf("2026-11-25")), r -> r.getLong(1)));
        same("date for a date", 61, () -> one(db, "SELECT count(*) FROM samples WHERE ts::date = ?", s -> s.setDate(1, java.sql.Date.valueOf("2026-11-25")), r -> r.getLong(1)));
        same("a day", "2026-11-25", () -> one(db, "SELECT DATE '2026-11-25'", r -> r.getObject(1, LocalDate.class)));
        same("a time of day", "10:11:12", () -> one(db, "SELECT ?", s -> s.setObject(1, LocalTime.of(10, 11, 12)), r -> r.getObject(1, LocalTime.class)));
        same("an instant", "2026-11-25T09:01Z 2026-11-25T09:01:00Z", () -> one(db, "SELECT min(ts) FROM samples WHERE value >= ?", s -> s.setDouble(1, 1), r -> r.getObject(1, OffsetDateTime.class) + " " + r.getTimestamp(1).toInstant()));
        same("an interval", "1 days 2 hours", () -> one(db, "SELECT INTERVAL '1 day 2 hours' AS i", r -> r.getObject(1)));
        same("a pattern", "2026-11-25 09:00:00", () -> one(db, "SELECT to_char(min(ts), 'YYYY-MM-DD HH24:MI:SS') FROM samples", r -> r.getString(1)));
        same("another zone", "2026-11-25T09:00Z", () -> one(db, "SELECT ts AT TIME ZONE 'Europe/Berlin' FROM samples ORDER BY ts LIMIT 1", r -> r.getObject(1, OffsetDateTime.class)));
        same("escapes", "X 2026-11-25 2026-11-25T09:00:00Z", () -> one(db, "SELECT {fn ucase('x')}, {d '2026-11-25'}, {ts '2026-11-25 09:00:00'}", r -> r.getString(1) + " " + r.getDate(2) + " " + r.getTimestamp(3).toInstant()));
    }

    static String list(ResultSet row, int column) throws SQLException {
        return Arrays.deepToString((Object[]) row.getArray(column).getArray());
    }

    static void values(Connection db) {
        same("lists", "[a, b c, null] [1, 2] [1.5] [true]", () -> one(db, "SELECT ARRAY['a', 'b c', NULL], ARRAY[1, 2], ARRAY[1.5], ARRAY[true]", r -> list(r, 1) + " " + list(r, 2) + " " + list(r, 3) + " " + list(r, 4)));
        same("a list of times", 2, () -> one(db, "SELECT array_agg(ts ORDER BY ts) FROM samples WHERE value < ?", s -> s.setDouble(1, 2), r -> ((Timestamp[]) r.getArray(1).getArray()).length));
        same("a map", "{\"job\":\"web\",\"mode\":\"idle\"}", () -> one(db, "SELECT labels FROM series WHERE labels ->> 'mode' = 'idle'", r -> r.getString(1)));
        same("a map's type", "jsonb 1111", () -> {
            try (Statement s = db.createStatement(); ResultSet r = s.executeQuery("SELECT labels FROM series")) {
                return r.getMetaData().getColumnTypeName(1) + " " + r.getMetaData().getColumnType(1);
            }
        });
        same("an unsigned number", "18446744073709551615", () -> one(db, "SELECT arrow_cast('18446744073709551615', 'UInt64')", r -> r.getBigDecimal(1)));
        same("a decimal", "12.50", () -> one(db, "SELECT 12.50::numeric(10, 2)", r -> r.getBigDecimal(1)));
        same("of a key", true, () -> {
            byte[] id = (byte[]) one0(db, "SELECT series_id FROM samples LIMIT 1", r -> r.getBytes(1));
            return one(db, "SELECT count(*) > 0 FROM samples WHERE series_id = ?", s -> s.setBytes(1, id), r -> r.getBoolean(1));
        });
        same("each its own", 60, () -> one(db, "SELECT (SELECT count(*) FROM samples s WHERE s.series_id = x.series_id) AS n FROM series x WHERE labels['mode'] = ?", s -> s.setString(1, "user"), r -> r.getLong(1)));
        same("names", "count max ?column? value value labels ts series_id ts value", () -> {
            String sql = "SELECT count(*), max(s.value), 1 + 1, s.value::int, s.value, labels['mode'] FROM samples s JOIN series x ON s.series_id = x.series_id GROUP BY s.value, labels";
            return labels(db, sql) + " " + labels(db, "SELECT ts, * FROM samples");
        });
        same("twice the same", "value value ?column? ?column? n n", () -> labels(db, "SELECT value, value, NULL, NULL, 1 AS n, 2 AS n FROM samples"));
        same("as Metabase asks", "2026-11-25 61", () -> one(db, "SELECT CAST(\"public\".\"samples\".\"ts\" AS date) AS \"ts\", COUNT(*) AS \"count\" FROM \"public\".\"samples\" GROUP BY CAST(\"public\".\"samples\".\"ts\" AS date) ORDER BY CAST(\"public\".\"samples\".\"ts\" AS date) ASC", r -> r.getString(1) + " " + r.getLong(2)));
    }

    static Object one0(Connection db, String sql, Cell cell) throws Exception {
        try (Statement statement = db.createStatement(); ResultSet rows = statement.executeQuery(sql)) {
            rows.next();
            return cell.of(rows);
        }
    }

    static String labels(Connection db, String sql) throws SQLException {
        try (Statement statement = db.createStatement(); ResultSet rows = statement.executeQuery(sql)) {
            StringJoiner names = new StringJoiner(" ");
            for (int n = 1; n <= rows.getMetaData().getColumnCount(); n++) names.add(rows.getMetaData().getColumnLabel(n));
            return names.toString();
        }
    }

    static int count(ResultSet rows) throws SQLException {
        int count = 0;
        while (rows.next()) count++;
        return count;
    }

    static void parts(Connection db) throws SQLException {
        db.setAutoCommit(false);
        same("rows in parts", "60 in order", () -> {
            try (PreparedStatement s = db.prepareStatement("SELECT value FROM samples WHERE value < ? ORDER BY ts")) {
                s.setDouble(1, 60);
                s.setFetchSize(7);
                int n = 0;
                try (ResultSet r = s.executeQuery()) {
                    for (; r.next(); n++) if (r.getDouble(1) != n) return "row " + n + " is " + r.getDouble(1);
                }
                return n + " in order";
            }
        });
        same("two at once", 61, () -> {
            try (Statement a = db.createStatement(); Statement b = db.createStatement()) {
                a.setFetchSize(7);
                b.setFetchSize(3);
                int n = 0;
                try (ResultSet r = a.executeQuery("SELECT value FROM samples"); ResultSet q = b.executeQuery("SELECT value FROM samples")) {
                    while (r.next() && q.next()) n++;
                }
                return n;
            }
        });
        same("the next transaction", 1, () -> { db.commit(); return one0(db, "SELECT 1", r -> r.getInt(1)); });
        db.commit();
        db.setAutoCommit(true);
        same("at most", 5, () -> {
            try (Statement s = db.createStatement()) {
                s.setMaxRows(5);
                return count(s.executeQuery("SELECT value FROM samples"));
            }
        });
        same("to and fro", "61 9.0", () -> {
            try (Statement s = db.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_READ_ONLY); ResultSet r = s.executeQuery("SELECT value FROM samples ORDER BY ts")) {
                r.last();
                int last = r.getRow();
                r.absolute(10);
                return last + " " + r.getDouble(1);
            }
        });
        same("several answers", 2, () -> {
            try (Statement s = db.createStatement()) {
                int n = s.execute("SELECT 1; SELECT 2") ? 1 : 0;
                while (s.getMoreResults()) n++;
                return n;
            }
        });
    }

    static void transactions(Connection db) throws SQLException {
        db.setAutoCommit(false);
        same("after an error", "42703 25P02", () -> state(() -> one0(db, "SELECT nope", r -> r.getInt(1))) + " " + state(() -> one0(db, "SELECT 1", r -> r.getInt(1))));
        db.rollback();
        same("back to a point", 1, () -> {
            one0(db, "SELECT 1", r -> r.getInt(1));
            Savepoint point = db.setSavepoint("a");
            state(() -> one0(db, "SELECT nope", r -> r.getInt(1)));
            db.rollback(point);
            return one0(db, "SELECT 1", r -> r.getInt(1));
        });
        db.commit();
        db.setReadOnly(true);
        same("read only", "on", () -> one0(db, "SHOW transaction_read_only", r -> r.getString(1)));
        db.commit();
        db.setReadOnly(false);
        db.setAutoCommit(true);
        same("isolation", Connection.TRANSACTION_READ_COMMITTED, () -> { db.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE); return db.getTransactionIsolation(); });
        same("valid", true, () -> db.isValid(5));
        same("schema", "public steadfast", () -> { db.setSchema("public"); return db.getSchema() + " " + db.getCatalog(); });
        same("client", "reports", () -> { db.setClientInfo("ApplicationName", "reports"); return one0(db, "SHOW application_name", r -> r.getString(1)); });
    }

    static void errors(Connection db) {
        for (String[] pair : new String[][] {
            {"SELECT * FROM nope", "42P01"}, {"SELECT nope FROM drift", "42703"}, {"SELEC 1", "42601"}, {"SELECT nope(1)", "42883"}, {"SELECT 'x'::int", "22P02"},
            {"SELECT 1 / 0", "22012"}, {"DELETE FROM drift", "25006"}, {"UPDATE drift SET id = 'x'", "25006"}, {"CREATE TABLE x (a int)", "25006"}, {"LISTEN x", "0A000"},
        }) same(pair[0], pair[1], () -> state(() -> { try (Statement s = db.createStatement()) { return s.execute(pair[0]); } }));
        same("a text that is no number", "22P02", () -> state(() -> one(db, "SELECT ?::int", s -> s.setString(1, "x"), r -> r.getInt(1))));
        same("a batch", "25006 [-3, -3]", () -> {
            try (PreparedStatement s = db.prepareStatement("INSERT INTO drift (id) VALUES (?)")) {
                for (int n = 0; n < 2; n++) { s.setString(1, "x"); s.addBatch(); }
                return s.executeBatch();
            } catch (BatchUpdateException error) {
                return error.getSQLState() + " " + Arrays.toString(error.getUpdateCounts());
            }
        });
        same("a batch of settings", "[0, 0]", () -> {
            try (Statement s = db.createStatement()) {
                s.addBatch("SET application_name = 'a'");
                s.addBatch("SET application_name = 'b'");
                return Arrays.toString(s.executeBatch());
            }
        });
        same("cancelled", "57014", () -> {
            try (Statement s = db.createStatement()) {
                // Again and again, since a cancel is for what runs when it comes.
                Timer timer = new Timer(true);
                timer.schedule(new TimerTask() { public void run() { try { s.cancel(); } catch (SQLException error) { cancel(); } } }, 200, 200);
                String state = state(() -> s.executeQuery(LONG).next());
                timer.cancel();
                return state;
            }
        });
        same("out of time", "57014", () -> {
            try (Statement s = db.createStatement()) {
                s.setQueryTimeout(1);
                return state(() -> s.executeQuery(LONG).next());
            }
        });
        same("and the connection goes on", 1, () -> {
            // A cancel that was late may still hit what comes next.
            for (int n = 0; n < 20; n++) if (state(() -> one0(db, "SELECT 1", r -> r.getInt(1))).startsWith("nothing")) break;
            return one0(db, "SELECT 1", r -> r.getInt(1));
        });
    }

    static String rows(ResultSet rows, String... columns) throws SQLException {
        StringJoiner all = new StringJoiner(", ");
        while (rows.next()) {
            StringJoiner row = new StringJoiner("|");
            for (String column : columns) row.add(rows.getString(column));
            all.add(row.toString());
        }
        return all.toString();
    }

    static void catalog(Connection db) throws SQLException {
        DatabaseMetaData about = db.getMetaData();
        same("product", "PostgreSQL 16", () -> about.getDatabaseProductName() + " " + about.getDatabaseMajorVersion());
        same("catalogs", "steadfast", () -> rows(about.getCatalogs(), "TABLE_CAT"));
        same("schemas", "public|steadfast", () -> rows(about.getSchemas(null, "pub%"), "TABLE_SCHEM", "TABLE_CATALOG"));
        String[] kinds = {"TABLE", "PARTITIONED TABLE", "VIEW", "FOREIGN TABLE", "MATERIALIZED VIEW"};
        for (String[] pair : new String[][] {{"drift", "TABLE"}, {"incidents", "VIEW"}, {"nope", null}})
            same("table " + pair[0], pair[1] == null ? "" : pair[0] + "|" + pair[1], () -> rows(about.getTables(null, "public", pair[0], kinds), "TABLE_NAME", "TABLE_TYPE"));
        same("kinds of tables", true, () -> rows(about.getTableTypes(), "TABLE_TYPE").contains("VIEW"));
        same("columns", "series_id|bytea|1, ts|timestamptz|2, value|float8|3", () -> rows(about.getColumns(null, "public", "samples", "%"), "COLUMN_NAME", "TYPE_NAME", "ORDINAL_POSITION"));
        same("columns of all", true, () -> count(about.getColumns(null, null, "%", null)) > 400);
        same("types", true, () -> rows(about.getTypeInfo(), "TYPE_NAME").contains("timestamptz"));
        same("keys", "key|1|drift_pkey", () -> rows(about.getPrimaryKeys(null, "public", "drift"), "COLUMN_NAME", "KEY_SEQ", "PK_NAME"));
        same("no key", "", () -> rows(about.getPrimaryKeys(null, "public", "samples"), "COLUMN_NAME"));
        for (boolean unique : new boolean[] {true, false}) same("indexes", "", () -> rows(about.getIndexInfo(null, "public", "drift", unique, true), "INDEX_NAME", "COLUMN_NAME", "ASC_OR_DESC"));
        same("foreign keys", "", () -> rows(about.getImportedKeys(null, "public", "drift"), "FK_NAME") + rows(about.getExportedKeys(null, "public", "drift"), "FK_NAME") + rows(about.getCrossReference(null, "public", "drift", null, "public", "samples"), "FK_NAME"));
        same("row identifiers", true, () -> count(about.getBestRowIdentifier(null, "public", "drift", DatabaseMetaData.bestRowSession, true)) >= 0);
        same("version columns", true, () -> count(about.getVersionColumns(null, "public", "drift")) >= 0);
        same("procedures", true, () -> count(about.getProcedures(null, null, "%")) >= 0);
        same("functions", true, () -> count(about.getFunctions(null, "public", "%")) >= 0);
        same("function columns", true, () -> count(about.getFunctionColumns(null, "pg_catalog", "upper", "%")) >= 0);
        same("table privileges", true, () -> count(about.getTablePrivileges(null, "public", "drift")) >= 0);
        same("column privileges", true, () -> count(about.getColumnPrivileges(null, "public", "drift", "%")) >= 0);
        same("user's types", "", () -> rows(about.getUDTs(null, "public", "%", null), "TYPE_NAME"));
        same("default isolation", Connection.TRANSACTION_READ_COMMITTED, () -> about.getDefaultTransactionIsolation());
        same("settings", "on|user", () -> rows(db.createStatement().executeQuery("SELECT setting, context FROM pg_catalog.pg_settings WHERE name = 'standard_conforming_strings'"), "setting", "context"));
    }

    static void all(Connection db) throws SQLException {
        parameters(db);
        times(db);
        values(db);
        parts(db);
        transactions(db);
    }

    public static void main(String[] args) throws Exception {
        String url = "jdbc:postgresql://127.0.0.1:" + args[0] + "/steadfast";
        Properties who = new Properties();
        who.setProperty("user", "ann");
        who.setProperty("password", args[1]);
        for (String options : new String[] {"", "prepareThreshold=-1", "binaryTransfer=false", "preferQueryMode=extendedCacheEverything&defaultRowFetchSize=3"}) {
            int before = wrong.size();
            try (Connection db = DriverManager.getConnection(url + "?" + options, who)) {
                all(db);
            }
            for (int n = before; n < wrong.size(); n++) wrong.set(n, (options.isEmpty() ? "" : "[" + options + "] ") + wrong.get(n));
        }
        try (Connection db = DriverManager.getConnection(url, who)) {
            errors(db);
            catalog(db);
        }
        who.setProperty("password", "wrong-wrong-wrong");
        same("a wrong password", "28P01", () -> state(() -> DriverManager.getConnection(url, who)));
        wrong.forEach(System.err::println);
        System.exit(wrong.isEmpty() ? 0 : 1);
    }
}
