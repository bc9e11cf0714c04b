//! Requests of Kayenta for a judge: both judges answer, the same each time, in numbers that JSON has.

use judge::{Judge, JudgeError, Request};

use crate::{input, seeds};

pub fn seeds() -> Vec<Vec<u8>> {
    let head = r#"{"canaryConfig":{"judge":{"name":"NetflixACAJudge-v1.0","judgeConfigurations":{"tolerance":0.1,"confLevel":0.95,"lifetimeIntervals":60,"warmupIntervals":2}},"metrics":[{"name":"errors","groups":["http"],"analysisConfigurations":{"canary":{"direction":"increase","critical":true,"outliers":{"strategy":"remove"},"effectSize":{"measure":"cles","allowedIncrease":0.6}}}}],"classifier":{"groupWeights":{"http":100}}},"scoreThresholds":{"pass":95,"marginal":75},"metricSetPairList":["#;
    let mut seeds = seeds::of(&[&format!(
        r#"{head}{{"name":"errors","id":"e","tags":{{"zone":"a"}},"values":{{"control":[1,2,"NaN",3,4,5,6,7,8],"experiment":[1,null,2,3,4,9,9,9,"Infinity"]}},"exposures":{{"control":[1,1,1,1,1,1,1,1,1],"experiment":[1,1,1,1,1,1,1,1,1]}},"history":{{"control":[1,2,3],"experiment":[2,3,1]}},"scopes":{{"control":{{"startTimeMillis":0,"stepMillis":60000}}}}}}]}}"#
    )]);
    let points = |values: &str| format!(r#"{head}{{"name":"errors","values":{{"control":[{values}"#);
    seeds.push(seeds::growing(&points(""), "1,", r#"2],"experiment":[1,2,3]}}]}"#));
    let random: Vec<String> = (0..40_u64).map(|n| (n * n * 7919 % 101).to_string()).collect();
    let random = random.join(",");
    seeds.push(format!(r#"{}],"experiment":[{random}]}}}}]}}"#, points(&random)).into_bytes());
    seeds
}

pub fn run(data: &[u8]) {
    let data = &*input::grown(data);
    let request = match Request::parse(data) {
        Ok(request) => request,
        Err(error) => return named(&error),
    };
    for judge in [Judge::Classic, Judge::Sequential] {
        match judge.judge(&request) {
            Ok(found) => {
                let text = serde_json::to_string(&found).expect("an answer is JSON");
                let again = judge.judge(&request).expect("the same each time");
                assert_eq!(serde_json::to_string(&again).expect("an answer is JSON"), text);
                assert_eq!(found.results.len(), request.metrics.len());
                assert!((0.0..=100.0).contains(&found.score.score), "{text}");
                assert!(found.group_scores.iter().all(|group| (0.0..=100.0).contains(&group.score)), "{text}");
                assert!(["Pass", "Marginal", "Fail"].contains(&found.score.classification.as_str()), "{text}");
            }
            Err(error) => named(&error),
        }
    }
}

fn named(error: &JudgeError) {
    assert!(!error.to_string().is_empty());
}
