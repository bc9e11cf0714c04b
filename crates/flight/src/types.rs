//! The types of columns, as ODBC and JDBC number them.

use arrow::array::RecordBatch;
use arrow_flight::sql::metadata::{XdbcTypeInfo, XdbcTypeInfoDataBuilder};
use arrow_flight::sql::{CommandGetXdbcTypeInfo, Nullable, Searchable, XdbcDataType, XdbcDatetimeSubcode};
use tonic::Status;

use crate::status;

/// Name, number, digits or letters at most, and in what base the digits are.
const NUMBERS: &[(&str, XdbcDataType, i32, i32)] = &[
    ("boolean", XdbcDataType::XdbcBit, 1, 2),
    ("smallint", XdbcDataType::XdbcSmallint, 16, 2),
    ("integer", XdbcDataType::XdbcInteger, 32, 2),
    ("bigint", XdbcDataType::XdbcBigint, 64, 2),
    ("real", XdbcDataType::XdbcReal, 24, 2),
    ("double", XdbcDataType::XdbcDouble, 53, 2),
    ("decimal", XdbcDataType::XdbcDecimal, 38, 10),
];

/// Name, number and what the number says of a time.
const OTHERS: &[(&str, XdbcDataType, Option<XdbcDatetimeSubcode>)] = &[
    ("varchar", XdbcDataType::XdbcVarchar, None),
    ("binary", XdbcDataType::XdbcVarbinary, None),
    ("date", XdbcDataType::XdbcDate, Some(XdbcDatetimeSubcode::XdbcSubcodeYear)),
    ("time", XdbcDataType::XdbcTime, Some(XdbcDatetimeSubcode::XdbcSubcodeTime)),
    ("timestamp", XdbcDataType::XdbcTimestamp, Some(XdbcDatetimeSubcode::XdbcSubcodeTimestamp)),
];

/// Those types that are asked for.
pub fn asked(query: CommandGetXdbcTypeInfo) -> Result<RecordBatch, Status> {
    let mut types = XdbcTypeInfoDataBuilder::new();
    for (name, number, size, base) in NUMBERS {
        let is_number = *number != XdbcDataType::XdbcBit;
        types.append(XdbcTypeInfo {
            column_size: Some(*size),
            num_prec_radix: Some(*base),
            unsigned_attribute: is_number.then_some(false),
            auto_increment: is_number.then_some(false),
            ..named(name, *number)
        });
    }
    for (name, number, subcode) in OTHERS {
        types.append(XdbcTypeInfo {
            column_size: Some(i32::MAX),
            literal_prefix: Some("'".to_owned()),
            literal_suffix: Some("'".to_owned()),
            case_sensitive: *number == XdbcDataType::XdbcVarchar,
            datetime_subcode: *subcode,
            ..named(name, *number)
        });
    }
    let types = types.build().map_err(status::internal)?;
    query.into_builder(&types).build().map_err(status::internal)
}

fn named(name: &str, number: XdbcDataType) -> XdbcTypeInfo {
    XdbcTypeInfo {
        type_name: name.to_owned(),
        local_type_name: Some(name.to_owned()),
        data_type: number,
        sql_data_type: number,
        nullable: Nullable::NullabilityNullable,
        searchable: Searchable::Full,
        ..XdbcTypeInfo::default()
    }
}
