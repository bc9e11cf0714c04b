use hashbrown::HashMap;

use super::steps::Steps;
use crate::error::QueryError;
use crate::labels::Labels;
use crate::value::{Point, Series, Value};

/// A series as it was evaluated, lent until the next one is.
pub(super) struct Lent<'a> {
    pub labels: &'a Labels,
    pub drops_name: bool,
    /// Never empty. Whoever keeps the series takes them; else they make room for the next.
    pub points: &'a mut Vec<Point>,
}

impl<'a> Lent<'a> {
    /// One that is there anyway.
    pub(super) fn of(series: &'a mut Series) -> Self {
        Self { labels: &series.labels, drops_name: series.drops_name, points: &mut series.points }
    }

    /// The series, to keep.
    pub(super) fn kept(self) -> Series {
        let points = std::mem::take(self.points);
        Series { labels: self.labels.clone(), points, drops_name: self.drops_name }
    }
}

/// Takes series one by one.
pub(super) type Take<'a> = &'a mut dyn FnMut(Lent<'_>) -> Result<(), QueryError>;

/// A number for each step as a series without labels.
pub(super) fn of_scalar(values: &[f64], steps: Steps) -> Series {
    let points = steps.times().zip(values).map(|(t, value)| Point { t, value: Value::Float(*value) }).collect();
    Series::new(Labels::empty(), points)
}

/// In order of their labels.
pub(super) fn sorted(mut series: Vec<Series>) -> Vec<Series> {
    series.sort_by(|a, b| a.labels.cmp(&b.labels));
    series
}

/// Series with the same labels as one; those without points go.
///
/// # Errors
/// Two have a point at the same time.
pub(super) fn merged(series: Vec<Series>) -> Result<Vec<Series>, QueryError> {
    let mut places: HashMap<(Labels, bool), usize> = HashMap::with_capacity(series.len());
    let mut out: Vec<Series> = Vec::with_capacity(series.len());
    for one in series.into_iter().filter(|one| !one.points.is_empty()) {
        let place = *places.entry((one.labels.clone(), one.drops_name)).or_insert(out.len());
        match out.get_mut(place) {
            None => out.push(one),
            Some(first) => {
                first.points.extend(one.points);
                first.points.sort_by_key(|point| point.t);
                let twice = first.points.windows(2).any(|pair| matches!(pair, [a, b] if a.t == b.t));
                if twice {
                    return Err(QueryError::same_labels());
                }
            }
        }
    }
    Ok(out)
}

/// How many samples series count as.
pub(super) fn samples_in(series: &[Series]) -> usize {
    series.iter().map(|series| samples_of(&series.points)).sum()
}

/// How many samples points count as.
pub(super) fn samples_of(points: &[Point]) -> usize {
    points.iter().map(Point::samples).sum()
}

/// Goes through series step by step.
pub(super) struct Cursors<'a> {
    series: &'a [Series],
    at: Vec<usize>,
}

impl<'a> Cursors<'a> {
    pub(super) fn new(series: &'a [Series]) -> Self {
        Self { series, at: vec![0; series.len()] }
    }

    /// The values at a time, with the place of their series. Times have to be asked for in order.
    pub(super) fn values(&mut self, t: i64) -> impl Iterator<Item = (usize, &'a Value)> + '_ {
        self.series.iter().zip(&mut self.at).enumerate().filter_map(move |(place, (series, at))| {
            let point = series.points.get(*at)?;
            if point.t != t {
                return None;
            }
            *at += 1;
            Some((place, &point.value))
        })
    }
}

/// Gathers points into series by their labels.
#[derive(Default)]
pub(super) struct Gatherer {
    places: HashMap<Labels, usize>,
    series: Vec<Series>,
}

impl Gatherer {
    /// Adds a point; times have to rise.
    ///
    /// # Errors
    /// A point with these labels is at this time already.
    pub(super) fn add(&mut self, labels: &Labels, drops_name: bool, t: i64, value: Value) -> Result<(), QueryError> {
        let place = match self.places.get(labels) {
            Some(place) => *place,
            None => {
                self.places.insert(labels.clone(), self.series.len());
                self.series.push(Series { labels: labels.clone(), points: Vec::new(), drops_name });
                self.series.len() - 1
            }
        };
        let Some(series) = self.series.get_mut(place) else { return Ok(()) };
        if series.points.last().is_some_and(|last| last.t == t) {
            return Err(QueryError::same_labels());
        }
        series.points.push(Point { t, value });
        Ok(())
    }

    pub(super) fn finish(self) -> Vec<Series> {
        self.series
    }
}
