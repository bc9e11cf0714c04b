//! What PostgreSQL calls the types of columns and parameters.

use arrow::datatypes::{DataType, Field, IntervalUnit, TimeUnit};

/// Metadata of a column of the catalog that is an object's id, and of one that is a `"char"`.
const ID: &str = "pg.oid_alias";
const CHAR: &str = "pg.char";

/// A type that is no array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "they are PostgreSQL's own names")]
pub enum PgScalar {
    Bool,
    Bytea,
    Char,
    Name,
    Int8,
    Int2,
    Int4,
    Text,
    Oid,
    Json,
    Float4,
    Float8,
    Unknown,
    Bpchar,
    Varchar,
    Date,
    Time,
    Timestamp,
    Timestamptz,
    Interval,
    Numeric,
    Uuid,
    Jsonb,
}

/// Number, number of its array, bytes (-1: as many as there are), short name, name in SQL.
/// From PostgreSQL's `pg_type.dat`.
type Line = (PgScalar, u32, u32, i16, &'static str, &'static str);

const LINES: &[Line] = &[
    (PgScalar::Bool, 16, 1000, 1, "bool", "boolean"),
    (PgScalar::Bytea, 17, 1001, -1, "bytea", "bytea"),
    (PgScalar::Char, 18, 1002, 1, "char", "\"char\""),
    (PgScalar::Name, 19, 1003, 64, "name", "name"),
    (PgScalar::Int8, 20, 1016, 8, "int8", "bigint"),
    (PgScalar::Int2, 21, 1005, 2, "int2", "smallint"),
    (PgScalar::Int4, 23, 1007, 4, "int4", "integer"),
    (PgScalar::Text, 25, 1009, -1, "text", "text"),
    (PgScalar::Oid, 26, 1028, 4, "oid", "oid"),
    (PgScalar::Json, 114, 199, -1, "json", "json"),
    (PgScalar::Float4, 700, 1021, 4, "float4", "real"),
    (PgScalar::Float8, 701, 1022, 8, "float8", "double precision"),
    (PgScalar::Unknown, 705, 1009, -2, "unknown", "unknown"),
    (PgScalar::Bpchar, 1042, 1014, -1, "bpchar", "character"),
    (PgScalar::Varchar, 1043, 1015, -1, "varchar", "character varying"),
    (PgScalar::Date, 1082, 1182, 4, "date", "date"),
    (PgScalar::Time, 1083, 1183, 8, "time", "time without time zone"),
    (PgScalar::Timestamp, 1114, 1115, 8, "timestamp", "timestamp without time zone"),
    (PgScalar::Timestamptz, 1184, 1185, 8, "timestamptz", "timestamp with time zone"),
    (PgScalar::Interval, 1186, 1187, 16, "interval", "interval"),
    (PgScalar::Numeric, 1700, 1231, -1, "numeric", "numeric"),
    (PgScalar::Uuid, 2950, 2951, 16, "uuid", "uuid"),
    (PgScalar::Jsonb, 3802, 3807, -1, "jsonb", "jsonb"),
];

/// The line of what is none of the others.
const TEXT: Line = (PgScalar::Text, 25, 1009, -1, "text", "text");

/// A type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PgType {
    /// Its own, or its elements' if it is an array.
    pub scalar: PgScalar,
    /// Whether it is an array.
    pub array: bool,
}

impl PgScalar {
    fn line(self) -> &'static Line {
        LINES.iter().find(|line| line.0 == self).unwrap_or(&TEXT)
    }
}

impl PgType {
    /// The type that is no array.
    pub const fn scalar(scalar: PgScalar) -> Self {
        Self { scalar, array: false }
    }

    /// The type with that number; nothing if values of it are not understood.
    pub fn from_oid(oid: u32) -> Option<Self> {
        let found = LINES.iter().find(|line| line.1 == oid || line.2 == oid)?;
        Some(Self { scalar: found.0, array: found.1 != oid })
    }

    /// Its number in `pg_type`.
    pub fn oid(self) -> u32 {
        let line = self.scalar.line();
        if self.array { line.2 } else { line.1 }
    }

    /// Bytes of a value, -1 if they differ.
    pub fn size(self) -> i16 {
        if self.array { -1 } else { self.scalar.line().3 }
    }

    /// What SQL calls it, as in `information_schema.columns.data_type`.
    pub fn sql_name(self) -> &'static str {
        if self.array { "ARRAY" } else { self.scalar.line().5 }
    }

    /// Its short name, as in `pg_type.typname`.
    pub fn short_name(self) -> String {
        let name = self.scalar.line().4;
        if self.array { format!("_{name}") } else { name.to_owned() }
    }

    /// The type of a column. All times are in UTC; structs, maps and what lists have beside scalars
    /// are JSON.
    pub fn of(field: &Field) -> Self {
        if field.metadata().contains_key(ID) && field.data_type() == &DataType::Int32 {
            return Self::scalar(PgScalar::Oid);
        }
        if field.metadata().contains_key(CHAR) {
            return Self::scalar(PgScalar::Char);
        }
        Self::of_data(field.data_type())
    }

    /// The type of a value.
    pub fn of_data(data_type: &DataType) -> Self {
        use DataType::{FixedSizeList, LargeList, List};
        match data_type {
            List(item) | LargeList(item) | FixedSizeList(item, _) => match Self::of_data(item.data_type()) {
                Self { array: true, .. } | Self { scalar: PgScalar::Jsonb, .. } => Self::scalar(PgScalar::Jsonb),
                Self { scalar, array: false } => Self { scalar, array: true },
            },
            DataType::Dictionary(_, values) => Self::of_data(values),
            other => Self::scalar(scalar(other)),
        }
    }

    /// What a parameter of this type is for a query.
    pub fn data_type(self) -> DataType {
        let scalar = match self.scalar {
            PgScalar::Bool => DataType::Boolean,
            PgScalar::Bytea => DataType::Binary,
            PgScalar::Int8 => DataType::Int64,
            PgScalar::Int2 => DataType::Int16,
            PgScalar::Int4 | PgScalar::Oid => DataType::Int32,
            PgScalar::Float4 => DataType::Float32,
            PgScalar::Float8 | PgScalar::Numeric => DataType::Float64,
            PgScalar::Date => DataType::Date32,
            PgScalar::Time => DataType::Time64(TimeUnit::Microsecond),
            PgScalar::Timestamp | PgScalar::Timestamptz => DataType::Timestamp(TimeUnit::Microsecond, None),
            PgScalar::Interval => DataType::Interval(IntervalUnit::MonthDayNano),
            _ => DataType::Utf8,
        };
        if self.array { DataType::new_list(scalar, true) } else { scalar }
    }
}

const fn scalar(data_type: &DataType) -> PgScalar {
    match data_type {
        DataType::Boolean => PgScalar::Bool,
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => PgScalar::Int2,
        DataType::Int32 | DataType::UInt16 => PgScalar::Int4,
        DataType::Int64 | DataType::UInt32 => PgScalar::Int8,
        DataType::UInt64
        | DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => PgScalar::Numeric,
        DataType::Float16 | DataType::Float32 => PgScalar::Float4,
        DataType::Float64 => PgScalar::Float8,
        DataType::Timestamp(..) => PgScalar::Timestamptz,
        DataType::Date32 | DataType::Date64 => PgScalar::Date,
        DataType::Time32(_) | DataType::Time64(_) => PgScalar::Time,
        DataType::Interval(_) | DataType::Duration(_) => PgScalar::Interval,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            PgScalar::Bytea
        }
        DataType::Struct(_) | DataType::Map(..) => PgScalar::Jsonb,
        _ => PgScalar::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_mapped_as_clients_expect_them() {
        let list = |item| DataType::new_list(item, true);
        let pair = DataType::Struct(vec![Field::new("a", DataType::Int8, true)].into());
        let texts = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        for (data_type, oid, name) in [
            (DataType::UInt64, 1700, "numeric"),
            (DataType::Timestamp(TimeUnit::Nanosecond, None), 1184, "timestamp with time zone"),
            (list(DataType::Utf8), 1009, "ARRAY"),
            (list(list(DataType::Utf8)), 3802, "jsonb"),
            (list(pair.clone()), 3802, "jsonb"),
            (pair, 3802, "jsonb"),
            (texts, 25, "text"),
            (DataType::FixedSizeBinary(16), 17, "bytea"),
            (DataType::Null, 25, "text"),
        ] {
            let found = PgType::of_data(&data_type);
            assert_eq!((found.oid(), found.sql_name()), (oid, name), "{data_type}");
        }
    }

    #[test]
    fn a_number_gives_its_type_back() {
        for line in LINES.iter().filter(|line| line.0 != PgScalar::Unknown) {
            assert_eq!(PgType::from_oid(line.1), Some(PgType::scalar(line.0)));
            assert_eq!(PgType::from_oid(line.2), Some(PgType { scalar: line.0, array: true }));
        }
        assert_eq!(PgType::from_oid(0), None);
    }
}
