import java.math.BigDecimal;
import java.sql.*;
import java.time.*;
import java.util.*;

/** Arrow's JDBC driver against a server with the fleet of the tests: FlightJdbc ADDRESS TOKEN. Says what is not as it should be. */
public class FlightJdbc {
    interface Work { Object run() throws Exception; }
    interface Values { void set(PreparedStatement statement) throws Exception; }
    interface Cell { Object of(ResultSet row) throws Exception; }

    static final List<String> wrong = new ArrayList<>();
    static final Instant HALF_PAST = Instant.parse("2026-11-25T09:30:00Z");
    static final Calendar UTC = Calendar.getInstance(TimeZone.getTimeZone("UTC"));

    static void same(String name, Object expected, Work work) {
        try {
            Object seen = work.run();
            if (!Objects.equals(String.valueOf(seen), String.valueOf(expected))) wrong.add(name + ": expected " + expected + ", got " + seen);
        } catch (Throwable error) {
            wrong.add(name + ": " + error);
        }
    }

    /** Whether what is thrown says `text`. */
    static Object says(String text, Work work) throws Exception {
        try {
            return "nothing, but " + work.run();
        } catch (SQLException error) {
            return String.valueOf(error.getMessage()).contains(text) ? "fine" : error.getMessage();
        }
    }

    static Object one(Connection db, String sql, Values values, Cell cell) throws Exception {
        Object last = null;
        try (PreparedStatement statement = db.prepareStatement(sql)) {
            for (int n = 0; n < 2; n++) {
                values.set(statement);
                try (ResultSet rows = statement.executeQuery()) {
                    if (!rows.next()) throw new IllegalStateException("no row");
                    last = cell.of(rows);
                }
            }
        }
        return last;
    }

    static Object one(Connection db, String sql, Cell cell) throws Exception {
        try (Statement statement = db.createStatement(); ResultSet rows = statement.executeQuery(sql)) {
            rows.next();
            return cell.of(rows);
        }
    }

    static void parameters(Connection db) {
        same("text", 2, () -> one(db, "SELECT count(*) FROM series WHERE metric = ?", s -> s.setString(1, "node_cpu_seconds_total"), r -> r.getLong(1)));
        same("int", 42, () -> one(db, "SELECT ? + 1", s -> s.setInt(1, 41), r -> r.getInt(1)));
        same("double", 4, () -> one(db, "SELECT count(*) FROM samples WHERE value >= ?", s -> s.setDouble(1, 57), r -> r.getLong(1)));
        same("decimal", 4, () -> one(db, "SELECT count(*) FROM samples WHERE value >= ?", s -> s.setBigDecimal(1, new BigDecimal("57.0")), r -> r.getLong(1)));
        same("boolean", 55, () -> one(db, "SELECT count(*) FROM samples WHERE (value > 5) = ?", s -> s.setBoolean(1, true), r -> r.getLong(1)));
        same("null", 61, () -> one(db, "SELECT count(*) FROM samples WHERE ? IS NULL OR value > 5", s -> s.setNull(1, Types.DOUBLE), r -> r.getLong(1)));
        same("bytes", 60, () -> {
            byte[] id = (byte[]) one(db, "SELECT series_id FROM series WHERE labels['mode'] = 'user'", r -> r.getBytes(1));
            return one(db, "SELECT count(*) FROM samples WHERE series_id = ?", s -> s.setBytes(1, id), r -> r.getLong(1));
        });
        same("date", 61, () -> one(db, "SELECT count(*) FROM samples WHERE ts::date = ?", s -> s.setDate(1, java.sql.Date.valueOf("2026-11-25")), r -> r.getLong(1)));
        same("time", 31, () -> one(db, "SELECT count(*) FROM samples WHERE ts >= ?", s -> s.setTimestamp(1, Timestamp.from(HALF_PAST), UTC), r -> r.getLong(1)));
        same("LIMIT", 7, () -> one(db, "SELECT count(*) FROM (SELECT * FROM samples LIMIT ?)", s -> s.setLong(1, 7), r -> r.getLong(1)));
        same("PromQL", 31, () -> one(db, "SELECT count(*) FROM prom_range(?, ?, ?, '1m') WHERE value < ?", s -> {
            s.setString(1, "node_cpu_seconds_total{mode=\"user\"}");
            s.setString(2, "2026-11-25T09:00:00Z");
            s.setString(3, "2026-11-25T09:30:00Z");
            s.setDouble(4, 100);
        }, r -> r.getLong(1)));
        same("what a statement takes and gives", "2 DOUBLE value", () -> {
            try (PreparedStatement s = db.prepareStatement("SELECT ts, value FROM samples WHERE value > ? AND ts > ?")) {
                return s.getParameterMetaData().getParameterCount() + " " + s.getMetaData().getColumnTypeName(2) + " " + s.getMetaData().getColumnLabel(2);
            }
        });
    }

    /** A cell; the driver gives times with a zone only where their class is named. */
    static Object object(ResultSet row, int column) throws SQLException {
        boolean isTime = row.getMetaData().getColumnType(column) == Types.TIMESTAMP_WITH_TIMEZONE;
        return isTime ? row.getObject(column, OffsetDateTime.class) : row.getObject(column);
    }

    static void values(Connection db) {
        // Without a class the driver counts the zone of its machine twice.
        same("an instant", "2026-11-25T09:00:00Z", () -> one(db, "SELECT min(ts) AS t FROM samples", r -> r.getObject(1, OffsetDateTime.class).toInstant()));
        same("a map", "{\"job\":\"web\",\"mode\":\"user\"}", () -> one(db, "SELECT labels FROM series WHERE labels['mode'] = 'user'", r -> String.valueOf(r.getObject(1))));
        same("of many types", "1 1.5 x true null 2026-11-25 12.50 [\"a\",null] {\"a\":1}", () -> one(db, "SELECT 1, 1.5, 'x', true, NULL, DATE '2026-11-25', 12.50::numeric(10, 2), ARRAY['a', NULL], named_struct('a', 1)", r -> {
            StringJoiner all = new StringJoiner(" ");
            for (int n = 1; n <= 9; n++) all.add(n == 6 ? r.getObject(n).toString() : String.valueOf(r.getObject(n)));
            return all;
        }));
        same("every table", "", () -> {
            StringJoiner broken = new StringJoiner(" ");
            List<String> names = new ArrayList<>();
            try (ResultSet tables = db.getMetaData().getTables(null, null, "%", null)) {
                while (tables.next()) names.add(tables.getString("TABLE_NAME"));
            }
            for (String name : names) {
                try (Statement s = db.createStatement(); ResultSet r = s.executeQuery("SELECT * FROM " + name + " LIMIT 3")) {
                    while (r.next()) for (int n = 1; n <= r.getMetaData().getColumnCount(); n++) object(r, n);
                } catch (Exception error) {
                    broken.add(name + " " + error);
                }
            }
            return broken;
        });
        same("many rows", 61, () -> {
            try (Statement s = db.createStatement(); ResultSet r = s.executeQuery("SELECT value FROM samples")) {
                int n = 0;
                while (r.next()) n++;
                return n;
            }
        });
        same("left before the end", 40, () -> {
            int n = 0;
            for (; n < 40; n++) one(db, "SELECT * FROM range(0, 50000)", r -> r.getLong(1));
            return n;
        });
    }

    static String rows(ResultSet rows, String... columns) throws SQLException {
        StringJoiner all = new StringJoiner(", ");
        try (rows) {
            while (rows.next()) {
                StringJoiner row = new StringJoiner("|");
                for (String column : columns) row.add(rows.getString(column));
                all.add(row.toString());
            }
        }
        return all.toString();
    }

    static void catalog(Connection db) throws SQLException {
        DatabaseMetaData about = db.getMetaData();
        same("product", "Steadfast", () -> about.getDatabaseProductName());
        same("read only", true, () -> about.isReadOnly());
        same("valid", true, () -> db.isValid(5));
        same("catalogs", "steadfast", () -> rows(about.getCatalogs(), "TABLE_CAT"));
        same("schemas", "public|steadfast", () -> rows(about.getSchemas(), "TABLE_SCHEM", "TABLE_CATALOG"));
        same("tables", "metadata|TABLE, metrics|VIEW", () -> rows(about.getTables("steadfast", "public", "met%", null), "TABLE_NAME", "TABLE_TYPE"));
        same("columns", "series_id|BINARY, ts|TIMESTAMP_WITH_TIMEZONE, value|DOUBLE", () -> rows(about.getColumns(null, "public", "samples", "%"), "COLUMN_NAME", "TYPE_NAME"));
        same("keys", "key|1", () -> rows(about.getPrimaryKeys(null, "public", "drift"), "COLUMN_NAME", "KEY_SEQ"));
        same("foreign keys", "", () -> rows(about.getImportedKeys(null, "public", "drift"), "FK_NAME"));
        same("facts", "false false 0 0 0 true true", () -> about.supportsTransactions() + " " + about.supportsSavepoints() + " " + about.getDefaultTransactionIsolation() + " " + about.getMaxConnections() + " " + about.getMaxColumnNameLength() + " " + about.supportsResultSetType(ResultSet.TYPE_FORWARD_ONLY) + " " + about.supportsUnion());
    }

    static void errors(Connection db, String url) {
        for (String[] pair : new String[][] {{"SELECT * FROM nope", "there is no table"}, {"SELECT nope FROM drift", "there is no column"}, {"SELEC 1", "xpected"}, {"DELETE FROM drift", "not allowed"}, {"SELECT 1/0", "ivide by zero"}})
            same(pair[0], "fine", () -> says(pair[1], () -> one(db, pair[0], r -> r.getObject(1))));
        same("an update", "fine", () -> says("not allowed", () -> { try (Statement s = db.createStatement()) { return s.executeUpdate("DELETE FROM drift"); } }));
        same("out of time", "fine", () -> says("timed out", () -> {
            try (Statement s = db.createStatement()) {
                s.setQueryTimeout(1);
                return s.executeQuery("SELECT count(*) FROM range(0, 100000000000) WHERE value % 7 = 8").next();
            }
        }));
        same("nobody", "fine", () -> says("a token is needed", () -> DriverManager.getConnection(url + "&user=me&password=nobody")));
    }

    public static void main(String[] args) throws Exception {
        java.util.logging.LogManager.getLogManager().reset();
        String url = "jdbc:arrow-flight-sql://" + args[0] + "?useEncryption=false";
        // Not closed: the driver (18.3) says of its own memory then that some is lost, and hides what is wrong.
        Connection token = DriverManager.getConnection(url + "&token=" + args[1]);
        same("by a token", 1, () -> one(token, "SELECT 1", r -> r.getInt(1)));
        Connection db = DriverManager.getConnection(url + "&user=me&password=" + args[1]);
        parameters(db);
        values(db);
        catalog(db);
        errors(db, url);
        wrong.forEach(System.out::println);
        System.exit(wrong.isEmpty() ? 0 : 1);
    }
}
