//! `--weight-<name>` of every loss term with a weight to set, from the library's list of terms.

use clap::{Arg, ArgGroup, ArgMatches, Args, Command, FromArgMatches};
use remixmatch::ssl::{LOSS_TERMS, LossTerm, PerTerm};

/// Weights given on the command line, by term.
#[derive(Clone, Debug, Default)]
pub struct WeightOptions(pub PerTerm<Option<f32>>);

fn option_of(term: &LossTerm) -> String {
    term.setting_name().replace('_', "-")
}

impl Args for WeightOptions {
    fn augment_args(command: Command) -> Command {
        let settable = || LOSS_TERMS.iter().filter(|term| term.setting.is_some());
        let group =
            ArgGroup::new("WeightOptions").multiple(true).args(settable().map(LossTerm::setting_name));
        settable().fold(command.group(group), |command, term| {
            command.arg(
                Arg::new(term.setting_name())
                    .long(option_of(term))
                    .value_name("X")
                    .value_parser(clap::value_parser!(f32))
                    .allow_negative_numbers(true)
                    .help_heading("Method")
                    .help(format!("Weight {} of the {} term: {}", term.symbol, term.title, term.summary)),
            )
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for WeightOptions {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let weight = |term: &LossTerm| {
            term.setting.and_then(|_| matches.get_one::<f32>(&term.setting_name()).copied())
        };
        Ok(Self(PerTerm::from_fn(weight)))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
