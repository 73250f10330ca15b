//! Barriers that only some invocations of a workgroup may reach. Browsers refuse such shaders, naga 30
//! accepts them, so this follows WGSL's rule on naga's syntax: what an invocation computes from its own
//! identity or from memory that others write is its own, and so is control flow that depends on it.

use std::collections::HashSet;

use naga::valid::{ModuleInfo, UniformityRequirements};
use naga::{
    AddressSpace, Block, BuiltIn, Expression, Function, Handle, LocalVariable, Module, Statement,
    StorageAccess,
};

/// Names of the functions with a barrier that not every invocation may reach.
pub fn uneven_barriers(module: &Module, info: &ModuleInfo) -> Vec<String> {
    let entries = module.entry_points.iter().map(|e| (None, &e.function, e.name.as_str()));
    let functions =
        module.functions.iter().map(|(handle, f)| (Some(handle), f, f.name.as_deref().unwrap_or("?")));
    let all: Vec<_> = entries.chain(functions).collect();
    let mut calls = Calls::default();
    // Repeats until no further argument or result turns out to differ.
    loop {
        let known = calls.clone();
        let mut uneven = Vec::new();
        for (handle, function, name) in &all {
            let flow = Flow {
                module,
                info,
                function,
                handle: *handle,
                calls: &mut calls,
                own: HashSet::new(),
                own_results: HashSet::new(),
                uneven: false,
            };
            uneven.extend(flow.run().then(|| (*name).to_owned()));
        }
        if calls == known {
            return uneven;
        }
    }
}

/// What the functions of a module pass each other that may differ between invocations.
#[derive(Clone, Default, PartialEq)]
struct Calls {
    /// Function and index of the argument.
    arguments: HashSet<(Handle<Function>, u32)>,
    /// Functions whose result may differ.
    results: HashSet<Handle<Function>>,
}

struct Flow<'a> {
    module: &'a Module,
    info: &'a ModuleInfo,
    function: &'a Function,
    /// None for an entry point.
    handle: Option<Handle<Function>>,
    calls: &'a mut Calls,
    /// Variables whose value may differ between invocations.
    own: HashSet<Handle<LocalVariable>>,
    /// Results of calls that may differ.
    own_results: HashSet<Handle<Expression>>,
    uneven: bool,
}

/// Ways by which some invocations, but not all, may have left a block.
#[derive(Clone, Copy, Default)]
struct Left {
    function: bool,
    /// By `break` or `continue`.
    block: bool,
}

impl Left {
    fn any(self) -> bool {
        self.function || self.block
    }

    fn or(self, other: Left) -> Left {
        Left { function: self.function || other.function, block: self.block || other.block }
    }
}

impl Flow<'_> {
    /// Repeats the walk until no further variable turns out to differ.
    fn run(mut self) -> bool {
        loop {
            let known = self.own.len() + self.own_results.len();
            self.uneven = false;
            self.walk(&self.function.body, false);
            if self.own.len() + self.own_results.len() == known {
                return self.uneven;
            }
        }
    }

    fn differs(&self, expression: Handle<Expression>) -> bool {
        let any = |parts: &[Handle<Expression>]| parts.iter().any(|p| self.differs(*p));
        match self.function.expressions[expression] {
            Expression::Literal(_)
            | Expression::Constant(_)
            | Expression::Override(_)
            | Expression::ZeroValue(_)
            | Expression::WorkGroupUniformLoadResult { .. } => false,
            Expression::FunctionArgument(index) => {
                let shared = [BuiltIn::WorkGroupId, BuiltIn::NumWorkGroups, BuiltIn::WorkGroupSize];
                match self.function.arguments[index as usize].binding {
                    Some(naga::Binding::BuiltIn(builtin)) => !shared.contains(&builtin),
                    _ => self.handle.is_none_or(|f| self.calls.arguments.contains(&(f, index))),
                }
            }
            Expression::GlobalVariable(global) => match self.module.global_variables[global].space {
                AddressSpace::Uniform => false,
                AddressSpace::Storage { access } => access.contains(StorageAccess::STORE),
                _ => true,
            },
            Expression::LocalVariable(local) => self.own.contains(&local),
            Expression::CallResult(_) => self.own_results.contains(&expression),
            Expression::Access { base, index } => any(&[base, index]),
            Expression::AccessIndex { base, .. } => self.differs(base),
            Expression::Splat { value, .. } => self.differs(value),
            Expression::Swizzle { vector, .. } => self.differs(vector),
            Expression::Compose { ref components, .. } => any(components),
            Expression::Load { pointer } => self.differs(pointer),
            Expression::Unary { expr, .. } | Expression::As { expr, .. } => self.differs(expr),
            Expression::Binary { left, right, .. } => any(&[left, right]),
            Expression::Select { condition, accept, reject } => any(&[condition, accept, reject]),
            Expression::Relational { argument, .. } => self.differs(argument),
            Expression::Math { arg, arg1, arg2, arg3, .. } => {
                self.differs(arg) || [arg1, arg2, arg3].into_iter().flatten().any(|a| self.differs(a))
            }
            _ => true,
        }
    }

    /// Marks the variable behind a pointer, if it is a local one.
    fn mark(&mut self, pointer: Handle<Expression>) {
        match self.function.expressions[pointer] {
            Expression::LocalVariable(local) => {
                self.own.insert(local);
            }
            Expression::Access { base, .. } | Expression::AccessIndex { base, .. } => self.mark(base),
            _ => {}
        }
    }

    /// Indices on the way from a variable to the part of it that a pointer names.
    fn index_differs(&self, pointer: Handle<Expression>) -> bool {
        match self.function.expressions[pointer] {
            Expression::Access { base, index } => self.differs(index) || self.index_differs(base),
            Expression::AccessIndex { base, .. } => self.index_differs(base),
            _ => false,
        }
    }

    /// Walks a block that, where `apart`, only some invocations may be in.
    fn walk(&mut self, block: &Block, mut apart: bool) -> Left {
        let mut left = Left::default();
        for statement in block.iter() {
            let gone = self.step(statement, apart);
            left = left.or(gone);
            apart |= gone.any();
        }
        left
    }

    fn step(&mut self, statement: &Statement, apart: bool) -> Left {
        match *statement {
            Statement::ControlBarrier(_) => self.uneven |= apart,
            Statement::WorkGroupUniformLoad { pointer, .. } => {
                self.uneven |= apart || self.index_differs(pointer)
            }
            Statement::Store { pointer, value }
                if apart || self.differs(value) || self.index_differs(pointer) =>
            {
                self.mark(pointer);
            }
            Statement::Call { function, ref arguments, result } => {
                let needs = self.info[function].uniformity.requirements;
                self.uneven |= apart && needs.contains(UniformityRequirements::WORK_GROUP_BARRIER);
                let mut differs = self.calls.results.contains(&function);
                for (index, argument) in (0..).zip(arguments) {
                    if self.differs(*argument) {
                        self.calls.arguments.insert((function, index));
                        differs = true;
                    }
                    self.mark(*argument);
                }
                self.own_results.extend(result.filter(|_| differs));
            }
            Statement::Return { value } => {
                let differs = apart || value.is_some_and(|value| self.differs(value));
                self.calls.results.extend(self.handle.filter(|_| differs));
                return Left { function: apart, block: false };
            }
            Statement::Kill => return Left { function: apart, block: false },
            Statement::Break | Statement::Continue => return Left { function: false, block: apart },
            Statement::Block(ref block) => return self.walk(block, apart),
            Statement::If { condition, ref accept, ref reject } => {
                let apart = apart || self.differs(condition);
                return self.walk(accept, apart).or(self.walk(reject, apart));
            }
            Statement::Switch { selector, ref cases } => {
                let apart = apart || self.differs(selector);
                return cases
                    .iter()
                    .fold(Left::default(), |left, case| left.or(self.walk(&case.body, apart)));
            }
            Statement::Loop { ref body, ref continuing, break_if } => {
                return self.repeat(body, continuing, break_if, apart);
            }
            _ => {}
        }
        Left::default()
    }

    /// Once some invocations may leave a loop before others, every further turn is apart.
    fn repeat(
        &mut self,
        body: &Block,
        continuing: &Block,
        break_if: Option<Handle<Expression>>,
        mut apart: bool,
    ) -> Left {
        loop {
            let in_body = self.walk(body, apart);
            let left = in_body.or(self.walk(continuing, apart || in_body.any()));
            let uneven_end = left.any() || break_if.is_some_and(|end| self.differs(end));
            if apart || !uneven_end {
                return Left { function: left.function, block: false };
            }
            apart = true;
        }
    }
}
