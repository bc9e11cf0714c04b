//! The calls of Flight, of which those of Flight SQL are a part.

use arrow_flight::flight_service_server::{FlightService, FlightServiceServer};
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightInfo, HandshakeRequest, PollInfo,
    SchemaResult, Ticket,
};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tonic::body::Body;
use tonic::codegen::{self, Service, http};
use tonic::{Request, Response, Status, Streaming};

use crate::Parts;
use crate::sql::Sql;
use crate::values::PARAMETERS;

/// Bytes of a message beside a statement and its parameters.
const REST: u64 = 64 << 10;

/// The calls of Flight over what [`Parts`] has.
#[derive(Clone)]
pub struct Flight(Sql);

/// The service, for a server of gRPC; its route is [`crate::PATH`].
pub fn service(parts: Parts) -> FlightServiceServer<Flight> {
    let largest = parts.engine.config().max_sql_bytes.saturating_add(PARAMETERS.max()).saturating_add(REST);
    let largest = usize::try_from(largest).unwrap_or(usize::MAX);
    FlightServiceServer::new(Flight(Sql(parts))).max_decoding_message_size(largest)
}

/// Answers one call over parts of its own.
pub async fn answer<B>(parts: Parts, call: http::Request<B>) -> http::Response<Body>
where
    B: codegen::Body + Send + 'static,
    B::Error: Into<codegen::StdError> + Send + 'static,
{
    match service(parts).call(call).await {
        Ok(answer) => answer,
        Err(never) => match never {},
    }
}

type Reply<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl FlightService for Flight {
    type HandshakeStream = <Sql as FlightService>::HandshakeStream;
    type ListFlightsStream = <Sql as FlightService>::ListFlightsStream;
    type DoGetStream = <Sql as FlightService>::DoGetStream;
    type DoPutStream = <Sql as FlightService>::DoPutStream;
    type DoActionStream = <Sql as FlightService>::DoActionStream;
    type ListActionsStream = BoxStream<'static, Result<ActionType, Status>>;
    type DoExchangeStream = <Sql as FlightService>::DoExchangeStream;

    async fn handshake(&self, request: Request<Streaming<HandshakeRequest>>) -> Reply<Self::HandshakeStream> {
        self.0.handshake(request).await
    }

    async fn list_flights(&self, request: Request<Criteria>) -> Reply<Self::ListFlightsStream> {
        self.0.list_flights(request).await
    }

    async fn get_flight_info(&self, request: Request<FlightDescriptor>) -> Reply<FlightInfo> {
        self.0.get_flight_info(request).await
    }

    async fn poll_flight_info(&self, request: Request<FlightDescriptor>) -> Reply<PollInfo> {
        self.0.poll_flight_info(request).await
    }

    /// The columns of an answer, without where its rows are.
    async fn get_schema(&self, request: Request<FlightDescriptor>) -> Reply<SchemaResult> {
        let info = self.0.get_flight_info(request).await?.into_inner();
        Ok(Response::new(SchemaResult { schema: info.schema }))
    }

    async fn do_get(&self, request: Request<Ticket>) -> Reply<Self::DoGetStream> {
        self.0.do_get(request).await
    }

    async fn do_put(&self, request: Request<Streaming<FlightData>>) -> Reply<Self::DoPutStream> {
        self.0.do_put(request).await
    }

    async fn do_action(&self, request: Request<Action>) -> Reply<Self::DoActionStream> {
        self.0.do_action(request).await
    }

    /// Those that are not refused.
    async fn list_actions(&self, _: Request<Empty>) -> Reply<Self::ListActionsStream> {
        let actions = [
            ("CreatePreparedStatement", "Gives a statement a handle."),
            ("ClosePreparedStatement", "Gives a handle up."),
        ];
        let action = |(name, description): (&str, &str)| {
            Ok(ActionType { r#type: name.to_owned(), description: description.to_owned() })
        };
        Ok(Response::new(stream::iter(actions.map(action)).boxed()))
    }

    async fn do_exchange(&self, request: Request<Streaming<FlightData>>) -> Reply<Self::DoExchangeStream> {
        self.0.do_exchange(request).await
    }
}
