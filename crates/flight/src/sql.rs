//! The commands of Flight SQL.

use std::pin::Pin;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use arrow::ipc::writer::IpcWriteOptions;
use arrow_flight::sql::server::{FlightSqlService, PeekableFlightDataStream};
use arrow_flight::sql::{
    ActionClosePreparedStatementRequest, ActionCreatePreparedStatementRequest, ActionCreatePreparedStatementResult,
    CommandGetCatalogs, CommandGetCrossReference, CommandGetDbSchemas, CommandGetExportedKeys, CommandGetImportedKeys,
    CommandGetPrimaryKeys, CommandGetSqlInfo, CommandGetTableTypes, CommandGetTables, CommandGetXdbcTypeInfo,
    CommandPreparedStatementQuery, CommandPreparedStatementUpdate, CommandStatementIngest, CommandStatementQuery,
    CommandStatementUpdate, DoPutPreparedStatementResult, ProstMessageExt, SqlInfo, TicketStatementQuery,
};
use arrow_flight::{
    Action, FlightDescriptor, FlightEndpoint, FlightInfo, HandshakeRequest, HandshakeResponse, IpcMessage, SchemaAsIpc,
    Ticket,
};
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use prost::Message;
use tonic::metadata::MetadataValue;
use tonic::{Request, Response, Status, Streaming};

use crate::answer::{self, Messages};
use crate::handle::Handle;
use crate::{Bearer, Parts, catalog, facts, form, status, types, values};

/// Answers the commands.
#[derive(Clone)]
pub struct Sql(pub Parts);

type Info = Result<Response<FlightInfo>, Status>;
type Rows = Result<Response<Messages>, Status>;
type Handshakes = Pin<Box<dyn Stream<Item = Result<HandshakeResponse, Status>> + Send>>;

impl Sql {
    /// Where the rows are of a statement with a handle.
    async fn statement(&self, handle: &Handle, ticket: impl ProstMessageExt, descriptor: FlightDescriptor) -> Info {
        let described = self.0.engine.describe(&handle.sql, handle.row()?).await;
        let described = described.map_err(|error| status::of(&error))?;
        info(&form::columns(&described.columns), &ticket, descriptor)
    }

    /// The rows.
    async fn rows(&self, handle: &[u8]) -> Rows {
        let handle = Handle::read(handle)?;
        let answer = self.0.engine.sql(&handle.sql, handle.options()?).await;
        Ok(answer::rows(&self.0, answer.map_err(|error| status::of(&error))?))
    }

    async fn tables(&self) -> Result<Vec<query::Table>, Status> {
        self.0.engine.tables().await.map_err(|error| status::of(&error))
    }
}

/// Where the rows of those columns are: here, for that ticket.
fn info(columns: &Schema, ticket: &impl ProstMessageExt, descriptor: FlightDescriptor) -> Info {
    let endpoint = FlightEndpoint::new().with_ticket(Ticket::new(ticket.as_any().encode_to_vec()));
    let info = FlightInfo::new().try_with_schema(columns).map_err(status::internal)?;
    Ok(Response::new(info.with_endpoint(endpoint).with_descriptor(descriptor).with_ordered(true)))
}

/// The same for what is known at once.
fn known(batch: Result<RecordBatch, Status>, ticket: &impl ProstMessageExt, asked: Request<FlightDescriptor>) -> Info {
    let batch = batch?;
    info(batch.schema_ref(), ticket, asked.into_inner())
}

/// Columns as a message of their own.
fn encoded(columns: &Schema) -> Result<Bytes, Status> {
    let options = IpcWriteOptions::default();
    let IpcMessage(bytes) = SchemaAsIpc::new(columns, &options).try_into().map_err(status::internal)?;
    Ok(bytes)
}

fn no_transaction(id: Option<&Bytes>) -> Result<(), Status> {
    match id {
        Some(id) if !id.is_empty() => {
            Err(status::invalid("there are no transactions here: a query sees one version of every table"))
        }
        _ => Ok(()),
    }
}

#[tonic::async_trait]
impl FlightSqlService for Sql {
    type FlightService = Self;

    /// Who comes so far was let in by a token or a password; it is to be sent with every call.
    async fn do_handshake(
        &self,
        request: Request<Streaming<HandshakeRequest>>,
    ) -> Result<Response<Handshakes>, Status> {
        let Bearer(token) = request.extensions().get().cloned().unwrap_or_else(|| Bearer("anyone".to_owned()));
        let header = MetadataValue::try_from(format!("Bearer {token}")).map_err(status::internal)?;
        let answer = HandshakeResponse { protocol_version: 0, payload: token.into() };
        let mut response = Response::new(stream::iter([Ok(answer)]).boxed() as Handshakes);
        response.metadata_mut().insert("authorization", header);
        Ok(response)
    }

    async fn get_flight_info_statement(&self, query: CommandStatementQuery, asked: Request<FlightDescriptor>) -> Info {
        no_transaction(query.transaction_id.as_ref())?;
        let handle = Handle::of(query.query);
        let ticket = TicketStatementQuery { statement_handle: handle.bytes() };
        self.statement(&handle, ticket, asked.into_inner()).await
    }

    async fn get_flight_info_prepared_statement(
        &self,
        query: CommandPreparedStatementQuery,
        asked: Request<FlightDescriptor>,
    ) -> Info {
        let handle = Handle::read(&query.prepared_statement_handle)?;
        self.statement(&handle, query, asked.into_inner()).await
    }

    async fn get_flight_info_catalogs(&self, query: CommandGetCatalogs, asked: Request<FlightDescriptor>) -> Info {
        known(catalog::catalogs(query), &query, asked)
    }

    async fn get_flight_info_schemas(&self, query: CommandGetDbSchemas, asked: Request<FlightDescriptor>) -> Info {
        known(catalog::schemas(query.clone()), &query, asked)
    }

    async fn get_flight_info_tables(&self, query: CommandGetTables, asked: Request<FlightDescriptor>) -> Info {
        known(catalog::tables(query.clone(), &[]), &query, asked)
    }

    async fn get_flight_info_table_types(&self, query: CommandGetTableTypes, asked: Request<FlightDescriptor>) -> Info {
        known(catalog::table_types(query), &query, asked)
    }

    async fn get_flight_info_sql_info(&self, query: CommandGetSqlInfo, asked: Request<FlightDescriptor>) -> Info {
        known(facts::asked(query.clone(), self.0.engine.config()), &query, asked)
    }

    async fn get_flight_info_primary_keys(
        &self,
        query: CommandGetPrimaryKeys,
        asked: Request<FlightDescriptor>,
    ) -> Info {
        info(&catalog::PRIMARY_KEYS, &query, asked.into_inner())
    }

    async fn get_flight_info_exported_keys(
        &self,
        query: CommandGetExportedKeys,
        asked: Request<FlightDescriptor>,
    ) -> Info {
        info(&catalog::FOREIGN_KEYS, &query, asked.into_inner())
    }

    async fn get_flight_info_imported_keys(
        &self,
        query: CommandGetImportedKeys,
        asked: Request<FlightDescriptor>,
    ) -> Info {
        info(&catalog::FOREIGN_KEYS, &query, asked.into_inner())
    }

    async fn get_flight_info_cross_reference(
        &self,
        query: CommandGetCrossReference,
        asked: Request<FlightDescriptor>,
    ) -> Info {
        info(&catalog::FOREIGN_KEYS, &query, asked.into_inner())
    }

    async fn get_flight_info_xdbc_type_info(
        &self,
        query: CommandGetXdbcTypeInfo,
        asked: Request<FlightDescriptor>,
    ) -> Info {
        known(types::asked(query), &query, asked)
    }

    async fn do_get_statement(&self, ticket: TicketStatementQuery, _: Request<Ticket>) -> Rows {
        self.rows(&ticket.statement_handle).await
    }

    async fn do_get_prepared_statement(&self, query: CommandPreparedStatementQuery, _: Request<Ticket>) -> Rows {
        self.rows(&query.prepared_statement_handle).await
    }

    async fn do_get_catalogs(&self, query: CommandGetCatalogs, _: Request<Ticket>) -> Rows {
        Ok(answer::batch(catalog::catalogs(query)?))
    }

    async fn do_get_schemas(&self, query: CommandGetDbSchemas, _: Request<Ticket>) -> Rows {
        Ok(answer::batch(catalog::schemas(query)?))
    }

    async fn do_get_tables(&self, query: CommandGetTables, _: Request<Ticket>) -> Rows {
        Ok(answer::batch(catalog::tables(query, &self.tables().await?)?))
    }

    async fn do_get_table_types(&self, query: CommandGetTableTypes, _: Request<Ticket>) -> Rows {
        Ok(answer::batch(catalog::table_types(query)?))
    }

    async fn do_get_sql_info(&self, query: CommandGetSqlInfo, _: Request<Ticket>) -> Rows {
        Ok(answer::batch(facts::asked(query, self.0.engine.config())?))
    }

    async fn do_get_primary_keys(&self, query: CommandGetPrimaryKeys, _: Request<Ticket>) -> Rows {
        Ok(answer::batch(catalog::primary_keys(&query, &self.tables().await?)?))
    }

    async fn do_get_exported_keys(&self, _: CommandGetExportedKeys, _: Request<Ticket>) -> Rows {
        Ok(answer::batch(RecordBatch::new_empty(catalog::FOREIGN_KEYS.clone())))
    }

    async fn do_get_imported_keys(&self, _: CommandGetImportedKeys, _: Request<Ticket>) -> Rows {
        Ok(answer::batch(RecordBatch::new_empty(catalog::FOREIGN_KEYS.clone())))
    }

    async fn do_get_cross_reference(&self, _: CommandGetCrossReference, _: Request<Ticket>) -> Rows {
        Ok(answer::batch(RecordBatch::new_empty(catalog::FOREIGN_KEYS.clone())))
    }

    async fn do_get_xdbc_type_info(&self, query: CommandGetXdbcTypeInfo, _: Request<Ticket>) -> Rows {
        Ok(answer::batch(types::asked(query)?))
    }

    async fn do_put_statement_update(
        &self,
        _: CommandStatementUpdate,
        _: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        Err(status::read_only("an update"))
    }

    async fn do_put_statement_ingest(
        &self,
        _: CommandStatementIngest,
        _: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        Err(status::read_only("an ingestion by Flight"))
    }

    async fn do_put_prepared_statement_update(
        &self,
        _: CommandPreparedStatementUpdate,
        _: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        Err(status::read_only("an update"))
    }

    /// The handle that is given back has the values in it.
    async fn do_put_prepared_statement_query(
        &self,
        query: CommandPreparedStatementQuery,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<DoPutPreparedStatementResult, Status> {
        let handle = Handle::read(&query.prepared_statement_handle)?;
        let handle = match values::of_messages(request.into_inner()).await? {
            Some(row) => handle.bind(&row)?,
            None => handle,
        };
        Ok(DoPutPreparedStatementResult { prepared_statement_handle: Some(handle.bytes()) })
    }

    async fn do_action_create_prepared_statement(
        &self,
        query: ActionCreatePreparedStatementRequest,
        _: Request<Action>,
    ) -> Result<ActionCreatePreparedStatementResult, Status> {
        no_transaction(query.transaction_id.as_ref())?;
        let described = self.0.engine.describe(&query.query, None).await.map_err(|error| status::of(&error))?;
        Ok(ActionCreatePreparedStatementResult {
            prepared_statement_handle: Handle::of(query.query).bytes(),
            dataset_schema: encoded(&form::columns(&described.columns))?,
            parameter_schema: encoded(&form::places(&described.parameters))?,
        })
    }

    /// Nothing was kept of it.
    async fn do_action_close_prepared_statement(
        &self,
        _: ActionClosePreparedStatementRequest,
        _: Request<Action>,
    ) -> Result<(), Status> {
        Ok(())
    }

    async fn register_sql_info(&self, _: i32, _: &SqlInfo) {}
}
