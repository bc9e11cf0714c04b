//! The stages of a pipeline.

use super::token::Token;
use super::{Parse, Parser};
use crate::ast::{Chosen, Extraction, LabelFormat, Logfmt, Stage};

impl Parser<'_> {
    /// Stages, up to what is none, or to an `unwrap`.
    pub(super) fn pipeline(&mut self) -> Parse<Vec<Stage>> {
        let mut stages = Vec::new();
        loop {
            if let Some(filter) = self.line_filter()? {
                stages.push(Stage::Line(filter));
            } else if self.is("|") && *self.peek_at(1) != Token::Word("unwrap") {
                self.next();
                stages.push(self.stage()?);
            } else {
                return Ok(stages);
            }
        }
    }

    fn stage(&mut self) -> Parse<Stage> {
        let Token::Word(word) = *self.peek() else { return Ok(Stage::Label(self.label_filter()?)) };
        if word == "(" {
            return Ok(Stage::Label(self.label_filter()?));
        }
        let known = ["json", "logfmt", "pattern", "regexp", "unpack", "line_format", "label_format", "decolorize"];
        if !known.contains(&word) && !["drop", "keep"].contains(&word) {
            return self.unexpected(&[]);
        }
        self.next();
        Ok(match word {
            "json" => Stage::Json(self.extractions()?),
            "logfmt" => Stage::Logfmt(self.logfmt()?),
            "pattern" => Stage::Pattern(self.string()?),
            "regexp" => Stage::Regexp(self.string()?),
            "unpack" => Stage::Unpack,
            "line_format" => Stage::LineFormat(self.string()?),
            "label_format" => Stage::LabelFormat(self.list(Self::label_format)?),
            "drop" => Stage::Drop(self.list(Self::chosen)?),
            "keep" => Stage::Keep(self.list(Self::chosen)?),
            _ => Stage::Decolorize,
        })
    }

    fn logfmt(&mut self) -> Parse<Logfmt> {
        let mut logfmt = Logfmt::default();
        while let Token::Flag(flag) = *self.peek() {
            self.next();
            logfmt.strict |= flag == "--strict";
            logfmt.keep_empty |= flag == "--keep-empty";
        }
        logfmt.extractions = self.extractions()?;
        Ok(logfmt)
    }

    /// `a, b="path"`, perhaps nothing.
    fn extractions(&mut self) -> Parse<Vec<Extraction>> {
        if !matches!(self.peek(), Token::Identifier(_)) {
            return Ok(Vec::new());
        }
        self.list(|parser| {
            let label = parser.identifier()?;
            let path = if parser.eat("=") { parser.string()? } else { label.clone() };
            Ok(Extraction { label, path })
        })
    }

    fn label_format(&mut self) -> Parse<(String, LabelFormat)> {
        let name = self.identifier()?;
        self.expect("=")?;
        let format = match self.next() {
            Token::Identifier(other) => LabelFormat::Rename(other),
            Token::String(template) => LabelFormat::Template(template),
            _ => {
                self.at -= 1;
                return self.unexpected(&["IDENTIFIER", "STRING"]);
            }
        };
        Ok((name, format))
    }

    fn chosen(&mut self) -> Parse<Chosen> {
        let compared = matches!(self.peek_at(1), Token::Word("=" | "!=" | "=~" | "!~"));
        // Behind a lone name `!=` and `!~` may begin a line filter; Loki takes them for the name's.
        Ok(if compared { Chosen::Matcher(self.matcher()?) } else { Chosen::Name(self.identifier()?) })
    }
}
