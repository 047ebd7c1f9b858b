//! Takes types out of a program, and turns into code what is more than a type.
//!
//! Where a statement or a member of a class is taken out, or the words that end one, a semicolon
//! stands in its place: JavaScript would otherwise read on in the next line where TypeScript did
//! not.

use std::ops::Range;

use oxc_ast::ast::*;
use oxc_ast_visit::{Visit, walk};
use oxc_span::{GetSpan as _, Span};

use super::edits::Edits;
use super::names::UsedNames;

/// What JavaScript's members of classes do not have before their names.
const MODIFIERS: [&str; 7] =
    ["abstract", "declare", "override", "private", "protected", "public", "readonly"];

pub(super) struct Types<'t, 'a> {
    pub(super) edits: Edits<'t>,
    names: &'t UsedNames<'a>,
    pub(super) open_enum: Option<OpenEnum>,
    /// What there is no JavaScript for, first of all, and where it stands.
    fault: Option<(String, usize)>,
}

/// The enum whose members are being read: a name among them means the member.
pub(super) struct OpenEnum {
    pub(super) name: String,
    pub(super) members: Vec<String>,
}

impl OpenEnum {
    /// The enum's name, if this is one of its members.
    pub(super) fn of(&self, name: &str) -> Option<&str> {
        self.members.iter().any(|member| member == name).then_some(self.name.as_str())
    }
}

/// Where something stands.
pub(super) fn range(span: Span) -> Range<usize> {
    span.start as usize..span.end as usize
}

impl<'t, 'a> Types<'t, 'a> {
    pub(super) fn new(text: &'t str, names: &'t UsedNames<'a>) -> Self {
        Self { edits: Edits::new(text), names, open_enum: None, fault: None }
    }

    /// The JavaScript, or what there is none for.
    pub(super) fn finish(self) -> Result<String, (String, usize)> {
        self.fault.map_or_else(|| Ok(self.edits.finish()), Err)
    }

    fn refuse(&mut self, span: Span, message: &str) {
        self.fault.get_or_insert_with(|| (message.to_owned(), span.start as usize));
    }

    fn blank(&mut self, span: Span) {
        self.edits.blank(range(span));
    }

    /// Takes out a statement, or a member of a class.
    fn blank_whole(&mut self, span: Span) {
        self.blank(span);
        self.edits.put(span.start as usize, b';');
    }

    /// Takes out one of several that commas part.
    fn blank_listed(&mut self, span: Span) {
        self.blank(span);
        self.edits.blank_next(span.end as usize, ',');
    }

    /// Ends a statement, or a member of a class, whose last words were taken out.
    fn end(&mut self, span: Span) {
        let last = self.edits.text()[range(span)].char_indices().next_back();
        let Some(last) = last.map(|(last, _)| span.start as usize + last) else { return };
        if self.edits.is_blank(last) {
            self.edits.put(last, b';');
        }
    }

    /// Takes out the words before a member's name that JavaScript does not have.
    fn blank_modifiers(&mut self, start: usize, name: usize) {
        let words = &self.edits.text()[start..name];
        let is_letter = |letter: char| letter.is_alphanumeric() || letter == '_';
        let mut at = start;
        for word in words.split_inclusive(|letter| !is_letter(letter)) {
            let letters = word.trim_end_matches(|letter| !is_letter(letter));
            if MODIFIERS.contains(&letters) {
                self.edits.blank(at..at + letters.len());
                if at == start {
                    self.edits.put(at, b';');
                }
            }
            at += word.len();
        }
    }

    /// Takes out the "?" or "!" behind the name of a member.
    fn blank_mark(&mut self, key: Span, computed: bool) {
        let mut end = key.end as usize;
        if computed {
            end = self.edits.next(end) + 1;
        }
        for mark in ['?', '!'] {
            self.edits.blank_next(end, mark);
        }
    }

    /// Gives a class the properties that the parameters of its constructor declare.
    fn declare_properties(&mut self, constructor: &Function<'a>) {
        let Some(body) = &constructor.body else { return };
        let mut words = String::new();
        for parameter in &constructor.params.items {
            let is_property =
                parameter.accessibility.is_some() || parameter.readonly || parameter.r#override;
            if let (true, BindingPattern::BindingIdentifier(id)) = (is_property, &parameter.pattern)
            {
                words.push_str(&format!(" this.{0} = {0};", id.name));
            }
        }
        if words.is_empty() {
            return;
        }
        let is_super = |statement: &&Statement<'a>| {
            let Statement::ExpressionStatement(statement) = statement else { return false };
            let Expression::CallExpression(call) = &statement.expression else { return false };
            matches!(call.callee, Expression::Super(_))
        };
        let last_directive = body.directives.last().map(|directive| directive.span.end);
        match body.statements.iter().find(is_super) {
            Some(call) => self.edits.insert(call.span().end as usize, format!(";{words}")),
            None => {
                let at = last_directive.unwrap_or(body.span.start + 1);
                self.edits.insert(at as usize, format!(";{words}"));
            }
        }
    }

    /// Moves a parenthesis of a function's parameters over types in which a line ends: the arrow
    /// must stand on the line of the last one, and what is returned on that of `return`.
    fn move_over_types(&mut self, parenthesis: usize, to: usize) {
        let text = self.edits.text();
        let to = text.floor_char_boundary(to);
        let between = parenthesis.min(to)..parenthesis.max(to);
        if text.as_bytes()[between].contains(&b'\n') {
            self.edits.put(parenthesis, b' ');
            self.edits.put(to, text.as_bytes()[parenthesis]);
        }
    }
}

/// Whether a statement is of types alone.
fn is_of_types(statement: &Statement<'_>) -> bool {
    match statement {
        Statement::ImportDeclaration(it) => it.import_kind.is_type(),
        Statement::ExportAllDeclaration(it) => it.export_kind.is_type(),
        Statement::ExportNamedDeclaration(it) => it.export_kind.is_type(),
        Statement::ExportFromDeclaration(it) => it.export_kind.is_type(),
        Statement::ExportDeclaration(it) => declares_types(&it.declaration),
        Statement::ExportDefaultDeclaration(it) => match &it.declaration {
            ExportDefaultDeclarationKind::TSInterfaceDeclaration(_) => true,
            ExportDefaultDeclarationKind::FunctionDeclaration(it) => it.body.is_none(),
            _ => false,
        },
        Statement::TSNamespaceExportDeclaration(_) => true,
        statement => statement.as_declaration().is_some_and(declares_types),
    }
}

fn declares_types(declaration: &Declaration<'_>) -> bool {
    match declaration {
        Declaration::TSTypeAliasDeclaration(_)
        | Declaration::TSInterfaceDeclaration(_)
        | Declaration::TSExternalModuleDeclaration(_)
        | Declaration::TSGlobalDeclaration(_) => true,
        Declaration::VariableDeclaration(it) => it.declare,
        Declaration::FunctionDeclaration(it) => it.declare || it.body.is_none(),
        Declaration::ClassDeclaration(it) => it.declare,
        Declaration::TSEnumDeclaration(it) => it.declare,
        Declaration::TSNamespaceDeclaration(it) => it.declare,
        Declaration::TSImportEqualsDeclaration(it) => it.import_kind.is_type(),
    }
}

impl<'a> Visit<'a> for Types<'_, 'a> {
    fn visit_statement(&mut self, it: &Statement<'a>) {
        if is_of_types(it) {
            self.blank_whole(it.span());
        } else {
            walk::walk_statement(self, it);
            self.end(it.span());
        }
    }

    fn visit_import_declaration(&mut self, it: &ImportDeclaration<'a>) {
        let Some(specifiers) = it.specifiers.as_ref().filter(|all| !all.is_empty()) else { return };
        let is_value = |specifier: &&ImportDeclarationSpecifier<'a>| match specifier {
            ImportDeclarationSpecifier::ImportSpecifier(it) if it.import_kind.is_type() => false,
            specifier => self.names.has_value(specifier.name().as_str()),
        };
        let values = specifiers.iter().filter(is_value).count();
        if values == 0 {
            return self.blank_whole(it.span);
        }
        let of_types: Vec<Span> =
            specifiers.iter().filter(|one| !is_value(one)).map(|one| one.span()).collect();
        let before = specifiers[0].span();
        for span in of_types {
            self.blank_listed(span);
            // Of `import a, * as b` the comma goes with what is behind it.
            if self.edits.text()[range(span)].starts_with('*') {
                self.edits.blank_next(before.end as usize, ',');
            }
        }
    }

    fn visit_export_specifier(&mut self, it: &ExportSpecifier<'a>) {
        if it.export_kind.is_type() || self.names.is_type(it.local.name().as_str()) {
            self.blank_listed(it.span);
        }
    }

    fn visit_identifier_reference(&mut self, it: &IdentifierReference<'a>) {
        let open = self.open_enum.as_ref().and_then(|open| open.of(it.name.as_str()));
        if let Some(name) = open.map(|name| format!("{name}.")) {
            self.edits.insert(it.span.start as usize, name);
        }
    }

    fn visit_variable_declarator(&mut self, it: &VariableDeclarator<'a>) {
        if it.definite {
            self.edits.blank_next(it.id.span().end as usize, '!');
        }
        walk::walk_variable_declarator(self, it);
    }

    fn visit_formal_parameter(&mut self, it: &FormalParameter<'a>) {
        let name = it.pattern.span();
        if it.decorators.is_empty() {
            self.edits.blank(it.span.start as usize..name.start as usize);
        }
        if it.optional {
            self.edits.blank_next(name.end as usize, '?');
        }
        walk::walk_formal_parameter(self, it);
    }

    fn visit_ts_this_parameter(&mut self, it: &TSThisParameter<'a>) {
        self.blank_listed(it.span);
    }

    fn visit_arrow_function_expression(&mut self, it: &ArrowFunctionExpression<'a>) {
        walk::walk_arrow_function_expression(self, it);
        let parameters = range(it.params.span);
        if let Some(types) = &it.type_parameters {
            self.move_over_types(parameters.start, types.span.start as usize);
        }
        if let Some(types) = &it.return_type {
            self.move_over_types(parameters.end - 1, types.span.end as usize - 1);
        }
    }

    fn visit_class(&mut self, it: &Class<'a>) {
        walk::walk_class(self, it);
        let head = it.span.start as usize..it.body.span.start as usize;
        if it.r#abstract {
            let word = self.edits.text()[head.clone()].find("abstract").unwrap_or_default();
            self.edits.blank(head.start + word..head.start + word + "abstract".len());
        }
        let Some(last) = it.implements.last() else { return };
        let heritage = it.heritage.as_ref().map(|heritage| {
            let types = heritage.type_arguments.as_ref().map(|types| types.span.end);
            types.unwrap_or_else(|| heritage.expression.span().end)
        });
        let types = it.type_parameters.as_ref().map(|types| types.span.end);
        let name = it.id.as_ref().map(|id| id.span.end);
        let from = heritage.or(types).or(name).map_or_else(
            || head.start + self.edits.text()[head.clone()].find("implements").unwrap_or_default(),
            |end| end as usize,
        );
        self.edits.blank(from..last.span.end as usize);
    }

    fn visit_class_element(&mut self, it: &ClassElement<'a>) {
        let is_of_types = match it {
            ClassElement::TSIndexSignature(_) => true,
            ClassElement::MethodDefinition(it) => it.value.body.is_none(),
            ClassElement::PropertyDefinition(it) => {
                it.declare || it.r#type == PropertyDefinitionType::TSAbstractPropertyDefinition
            }
            ClassElement::AccessorProperty(it) => {
                it.r#type == AccessorPropertyType::TSAbstractAccessorProperty
            }
            ClassElement::StaticBlock(_) => false,
        };
        if is_of_types {
            self.blank_whole(it.span());
        } else {
            walk::walk_class_element(self, it);
        }
    }

    fn visit_method_definition(&mut self, it: &MethodDefinition<'a>) {
        let key = it.key.span();
        self.blank_modifiers(it.span.start as usize, key.start as usize);
        if it.optional {
            self.blank_mark(key, it.computed);
        }
        if it.kind == MethodDefinitionKind::Constructor {
            self.declare_properties(&it.value);
        }
        walk::walk_method_definition(self, it);
    }

    fn visit_property_definition(&mut self, it: &PropertyDefinition<'a>) {
        let key = it.key.span();
        self.blank_modifiers(it.span.start as usize, key.start as usize);
        if it.optional || it.definite {
            self.blank_mark(key, it.computed);
        }
        walk::walk_property_definition(self, it);
        self.end(it.span);
    }

    fn visit_accessor_property(&mut self, it: &AccessorProperty<'a>) {
        self.refuse(it.span, "a property with `accessor` is not there: write get and set");
    }

    fn visit_ts_as_expression(&mut self, it: &TSAsExpression<'a>) {
        self.visit_expression(&it.expression);
        self.edits.blank(it.expression.span().end as usize..it.span.end as usize);
    }

    fn visit_ts_satisfies_expression(&mut self, it: &TSSatisfiesExpression<'a>) {
        self.visit_expression(&it.expression);
        self.edits.blank(it.expression.span().end as usize..it.span.end as usize);
    }

    fn visit_ts_non_null_expression(&mut self, it: &TSNonNullExpression<'a>) {
        self.visit_expression(&it.expression);
        self.edits.blank(it.expression.span().end as usize..it.span.end as usize);
    }

    fn visit_ts_type_assertion(&mut self, it: &TSTypeAssertion<'a>) {
        // Behind `=>` a "{" would begin a body, and behind `return` a line's end would be its end.
        self.edits.blank(it.span.start as usize..it.expression.span().start as usize);
        self.edits.put(it.span.start as usize, b'(');
        self.visit_expression(&it.expression);
        self.edits.insert(it.span.end as usize, ")".to_owned());
    }

    fn visit_ts_type_annotation(&mut self, it: &TSTypeAnnotation<'a>) {
        self.blank(it.span);
    }

    fn visit_ts_type_parameter_declaration(&mut self, it: &TSTypeParameterDeclaration<'a>) {
        self.blank(it.span);
    }

    fn visit_ts_type_parameter_instantiation(&mut self, it: &TSTypeParameterInstantiation<'a>) {
        self.blank(it.span);
    }

    fn visit_ts_class_implements(&mut self, _: &TSClassImplements<'a>) {}

    fn visit_ts_enum_declaration(&mut self, it: &TSEnumDeclaration<'a>) {
        self.enumerate(it);
    }

    fn visit_decorator(&mut self, it: &Decorator<'a>) {
        self.refuse(it.span, "decorators are not there: call a function instead");
    }

    fn visit_ts_namespace_declaration(&mut self, it: &TSNamespaceDeclaration<'a>) {
        self.refuse(it.span, "namespaces are not there: a file is a module, and can be imported");
    }

    fn visit_ts_import_equals_declaration(&mut self, it: &TSImportEqualsDeclaration<'a>) {
        self.refuse(it.span, "`import … =` is not there: write import … from \"…\"");
    }

    fn visit_ts_export_assignment(&mut self, it: &TSExportAssignment<'a>) {
        self.refuse(it.span, "`export =` is not there: write export default");
    }
}
