//! Which names a file uses as values.
//!
//! An import of what is used as a type alone is none in JavaScript: the module need not have it, as
//! `k6/options` has no `Options`. TypeScript leaves such an import out unless it is told otherwise,
//! and most scripts do not say `import type`.

use std::collections::BTreeSet;

use oxc_ast::ast::{
    ExportSpecifier, IdentifierReference, Program, TSClassImplements, TSIndexSignature,
    TSInterfaceDeclaration, TSThisParameter, TSType, TSTypeAliasDeclaration, TSTypeAnnotation,
    TSTypeParameterDeclaration, TSTypeParameterInstantiation,
};
use oxc_ast_visit::Visit;

/// The names of a file, whatever scope they stand in.
#[derive(Default)]
pub(super) struct UsedNames<'a> {
    values: BTreeSet<&'a str>,
    types: BTreeSet<&'a str>,
}

impl<'a> UsedNames<'a> {
    pub(super) fn of(program: &Program<'a>) -> Self {
        let mut names = Self::default();
        names.visit_program(program);
        names
    }

    /// Whether an import of this name is needed when the script runs.
    pub(super) fn has_value(&self, name: &str) -> bool {
        self.values.contains(name)
    }

    /// Whether the file declares a type of this name, and uses no value of it.
    pub(super) fn is_type(&self, name: &str) -> bool {
        self.types.contains(name) && !self.values.contains(name)
    }
}

impl<'a> Visit<'a> for UsedNames<'a> {
    fn visit_identifier_reference(&mut self, it: &IdentifierReference<'a>) {
        self.values.insert(it.name.as_str());
    }

    fn visit_ts_type_alias_declaration(&mut self, it: &TSTypeAliasDeclaration<'a>) {
        self.types.insert(it.id.name.as_str());
    }

    fn visit_ts_interface_declaration(&mut self, it: &TSInterfaceDeclaration<'a>) {
        self.types.insert(it.id.name.as_str());
    }

    fn visit_export_specifier(&mut self, it: &ExportSpecifier<'a>) {
        // An import may be exported. A type that is declared here is found without this.
        let name = it.local.name();
        if !it.export_kind.is_type() && !self.types.contains(name.as_str()) {
            self.values.insert(name.as_str());
        }
    }

    // What follows is of types.
    fn visit_ts_type(&mut self, _: &TSType<'a>) {}
    fn visit_ts_type_annotation(&mut self, _: &TSTypeAnnotation<'a>) {}
    fn visit_ts_type_parameter_declaration(&mut self, _: &TSTypeParameterDeclaration<'a>) {}
    fn visit_ts_type_parameter_instantiation(&mut self, _: &TSTypeParameterInstantiation<'a>) {}
    fn visit_ts_class_implements(&mut self, _: &TSClassImplements<'a>) {}
    fn visit_ts_index_signature(&mut self, _: &TSIndexSignature<'a>) {}
    fn visit_ts_this_parameter(&mut self, _: &TSThisParameter<'a>) {}
}
