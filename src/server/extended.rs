//! The extended protocol: prepared statements, portals, parameters.

use std::sync::Arc;

use arrow::datatypes::DataType;
use causeway_sql::{Copy, Error, sqlstate as sql};
use pgwire::messages::PgWireBackendMessage as Reply;
use pgwire::messages::PgWireFrontendMessage;
use pgwire::messages::data::{NoData, ParameterDescription};
use pgwire::messages::extendedquery::{
    Bind, BindComplete, Close, CloseComplete, Describe, Execute, Parse, ParseComplete, PortalSuspended,
    TARGET_TYPE_BYTE_PORTAL, TARGET_TYPE_BYTE_STATEMENT,
};
use pgwire::messages::response::EmptyQueryResponse;

use super::conversation::{Conversation, Failure, complete};
use super::errors::{shutting_down, sqlstate};
use super::prepared::{Parameter, Portal, Prepared, Progress};
use super::rows::{Encoder, Formats};
use super::running::Running;
use super::{parameters, types};

impl Conversation {
    pub(super) async fn extended(&mut self, message: PgWireFrontendMessage) -> Result<(), Failure> {
        if self.shutdown_began() {
            return Err(shutting_down().into());
        }
        match message {
            PgWireFrontendMessage::Parse(parse) => self.parse(parse).await,
            PgWireFrontendMessage::Bind(bind) => self.bind(bind),
            PgWireFrontendMessage::Describe(describe) => self.describe(&describe),
            PgWireFrontendMessage::Execute(execute) => self.execute(execute).await,
            PgWireFrontendMessage::Close(close) => self.close(close),
            _ => Err(Error::new(sqlstate::PROTOCOL, "unexpected message").into()),
        }
    }

    async fn parse(&mut self, parse: Parse) -> Result<(), Failure> {
        let name = parse.name.unwrap_or_default();
        if !name.is_empty() && self.statements.contains_key(&name) {
            let message = format!("prepared statement \"{name}\" already exists");
            return Err(Error::new(sqlstate::DUPLICATE_STATEMENT, message).into());
        }
        let mut statements = self.session.parse(&parse.query)?;
        let statement = statements.pop();
        if !statements.is_empty() {
            let message = "cannot insert multiple commands into a prepared statement";
            return Err(Error::new(sql::SYNTAX, message).into());
        }
        let mut prepared = Prepared {
            statement: None,
            parameters: Vec::new(),
            schema: None,
        };
        if let Some(statement) = statement {
            self.check_transaction(&statement)?;
            let declared: Vec<_> = parse
                .type_oids
                .iter()
                .map(|oid| types::arrow_type(*oid))
                .collect();
            let description = self.session.describe(&statement, &declared).await?;
            // A statement that is not planned here, such as EXPLAIN, still takes what the client declared.
            let mut wanted = description.parameters;
            let missing = declared.into_iter().skip(wanted.len());
            wanted.extend(missing.map(|ty| ty.unwrap_or(DataType::Utf8)));
            let parameter = |(at, ty): (usize, DataType)| match parse.type_oids.get(at) {
                Some(oid) if *oid != 0 => Parameter { oid: *oid, ty },
                _ => Parameter {
                    oid: types::pg_type(&ty).oid(),
                    ty,
                },
            };
            prepared.parameters = wanted.into_iter().enumerate().map(parameter).collect();
            prepared.schema = description.schema;
            prepared.statement = Some(statement);
        }
        self.statements.insert(name, Arc::new(prepared));
        Ok(self.writer.send(&Reply::ParseComplete(ParseComplete::new()))?)
    }

    fn bind(&mut self, bind: Bind) -> Result<(), Failure> {
        let name = bind.portal_name.unwrap_or_default();
        if !name.is_empty() && self.portals.contains_key(&name) {
            let message = format!("portal \"{name}\" already exists");
            return Err(Error::new(sqlstate::DUPLICATE_PORTAL, message).into());
        }
        let prepared = Arc::clone(self.prepared(&bind.statement_name.unwrap_or_default())?);
        if let Some(statement) = &prepared.statement {
            self.check_transaction(statement)?;
        }
        let parameters = parameters::decode(
            &prepared.parameters,
            &bind.parameter_format_codes,
            &bind.parameters,
            &self.session.time_zone(),
        )?;
        let formats = Formats::try_new(&bind.result_column_format_codes)?;
        if let Some(schema) = &prepared.schema {
            formats.check(schema.fields().len())?;
        }
        let portal = Portal {
            prepared,
            parameters,
            formats,
            progress: Progress::New,
        };
        self.portals.insert(name, portal);
        Ok(self.writer.send(&Reply::BindComplete(BindComplete::new()))?)
    }

    fn prepared(&self, name: &str) -> Result<&Arc<Prepared>, Error> {
        self.statements.get(name).ok_or_else(|| {
            let message = match name {
                "" => "unnamed prepared statement does not exist".to_owned(),
                name => format!("prepared statement \"{name}\" does not exist"),
            };
            Error::new(sqlstate::NO_STATEMENT, message)
        })
    }

    fn describe(&mut self, describe: &Describe) -> Result<(), Failure> {
        let name = describe.name.as_deref().unwrap_or_default();
        let (prepared, formats) = match describe.target_type {
            TARGET_TYPE_BYTE_STATEMENT => {
                let prepared = Arc::clone(self.prepared(name)?);
                let types = prepared
                    .parameters
                    .iter()
                    .map(|parameter| parameter.oid)
                    .collect();
                self.writer
                    .send(&Reply::ParameterDescription(ParameterDescription::new(types)))?;
                (prepared, Formats::text())
            }
            // What SQL calls a cursor is a portal too.
            _ if !self.portals.contains_key(name) => {
                let schema = self.session.cursor_schema(name).ok_or_else(|| no_portal(name))?;
                let description = Encoder::try_new(&schema, &Formats::text())?.description();
                return Ok(self.writer.send(&Reply::RowDescription(description))?);
            }
            _ => {
                let portal = self.portals.get(name).ok_or_else(|| no_portal(name))?;
                (Arc::clone(&portal.prepared), portal.formats.clone())
            }
        };
        let reply = match &prepared.schema {
            Some(schema) => Reply::RowDescription(Encoder::try_new(schema, &formats)?.description()),
            None => Reply::NoData(NoData::new()),
        };
        Ok(self.writer.send(&reply)?)
    }

    async fn execute(&mut self, execute: Execute) -> Result<(), Failure> {
        let name = execute.name.unwrap_or_default();
        // Taken out for the time of its run: if that fails, the portal is gone, as it should be.
        let mut portal = self.portals.remove(&name).ok_or_else(|| no_portal(&name))?;
        let limit = u64::try_from(execute.max_rows).ok().filter(|rows| *rows > 0);
        self.run_portal(&mut portal, limit).await?;
        self.portals.insert(name, portal);
        Ok(())
    }

    async fn run_portal(&mut self, portal: &mut Portal, limit: Option<u64>) -> Result<(), Failure> {
        let prepared = Arc::clone(&portal.prepared);
        let Some(statement) = &prepared.statement else {
            return Ok(self
                .writer
                .send(&Reply::EmptyQueryResponse(EmptyQueryResponse::new()))?);
        };
        self.check_transaction(statement)?;
        let is_new = matches!(portal.progress, Progress::New);
        if let Some(copy) = Copy::of(statement)?.filter(|_| is_new) {
            let parameters = std::mem::take(&mut portal.parameters);
            let answer = self.session.run(&copy.query, parameters).await?;
            portal.progress = Progress::Done(statement.tag().to_owned());
            return self.copy(&copy, answer).await;
        }
        if matches!(portal.progress, Progress::New) {
            let answer = self
                .session
                .run(statement, std::mem::take(&mut portal.parameters))
                .await?;
            if answer.schema().is_none() {
                portal.progress = Progress::Done(answer.tag().to_owned());
                return self.complete_command(statement, &answer);
            }
            let zone = self.session.time_zone();
            let running = Running::start(answer, &portal.formats, prepared.schema.as_ref(), zone).await?;
            portal.progress = Progress::Running(Box::new(running));
        }
        match &mut portal.progress {
            Progress::Running(running) => {
                if self.send_rows(running, limit).await? {
                    portal.progress = Progress::Done(format!("{} 0", statement.tag()));
                } else {
                    self.writer
                        .send(&Reply::PortalSuspended(PortalSuspended::new()))?;
                }
            }
            Progress::Done(tag) => self.writer.send(&complete(tag.clone()))?,
            Progress::New => {}
        }
        Ok(())
    }

    fn close(&mut self, close: Close) -> Result<(), Failure> {
        let name = close.name.unwrap_or_default();
        if close.target_type == TARGET_TYPE_BYTE_PORTAL {
            self.portals.remove(&name);
        } else {
            self.statements.remove(&name);
        }
        Ok(self.writer.send(&Reply::CloseComplete(CloseComplete::new()))?)
    }
}

fn no_portal(name: &str) -> Error {
    Error::new(sqlstate::NO_PORTAL, format!("portal \"{name}\" does not exist"))
}
