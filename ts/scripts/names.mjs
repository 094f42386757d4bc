// The names of properties that a minified build has to keep.
import ts from 'typescript';

/** Of frames by the table of frame/layout.ts, of the maps of clauses 3.3, 3.4, 10.6 and 13, and of platforms. */
const spoken = `id code ref size millis next slot nexts name meta payload
files file at sum text time mode
v app appv client attempt lanes calls msgs large streams stream max names keep session token auth cred connect features gen ping expires
webtransport url serverCertificateHashes algorithm value
message data code reason default constructor localStorage WebSocket`;

/** Returns the names of everything public of the entry points, of what they speak, and of the platform. */
export function keptNames(entries) {
	const { config } = ts.readConfigFile('tsconfig.json', ts.sys.readFile);
	const { options } = ts.parseJsonConfigFileContent(config, ts.sys, '.');
	const program = ts.createProgram(entries, options);
	const checker = program.getTypeChecker();
	const names = new Set(spoken.split(/\s/));
	const seen = new Set();

	const ours = (symbol) => symbol?.declarations?.some((d) => !program.isSourceFileDefaultLibrary(d.getSourceFile()));
	const hidden = (symbol) => symbol.declarations?.some((d) => ts.getCombinedModifierFlags(d) & ts.ModifierFlags.Private || ts.getJSDocTags(d).some((t) => t.tagName.text === 'internal'));
	const walk = (type) => {
		if (seen.has(type)) return;
		seen.add(type);
		if (type.isUnionOrIntersection()) type.types.forEach(walk);
		checker.getTypeArguments(type).forEach(walk);
		type.aliasTypeArguments?.forEach(walk);
		// What makes instances of the exported classes is not public.
		for (const s of type.getCallSignatures()) {
			s.parameters.forEach((p) => walk(checker.getTypeOfSymbol(p)));
			walk(s.getReturnType());
		}
		const constraint = type.getConstraint();
		if (constraint) walk(constraint);
		for (const p of type.getProperties()) {
			if (!ours(p) || hidden(p)) continue;
			names.add(p.name);
			walk(checker.getTypeOfSymbol(p));
		}
	};
	for (const entry of entries) {
		const module = checker.getSymbolAtLocation(program.getSourceFile(entry));
		for (let symbol of checker.getExportsOfModule(module)) {
			if (symbol.flags & ts.SymbolFlags.Alias) symbol = checker.getAliasedSymbol(symbol);
			if (symbol.flags & ts.SymbolFlags.Value) walk(checker.getTypeOfSymbol(symbol));
			if (symbol.flags & ts.SymbolFlags.Type) walk(checker.getDeclaredTypeOfSymbol(symbol));
		}
	}

	// What the platform has is known by where it is declared; what is of no known type is kept.
	const keep = (symbol, name) => {
		if (!ours(symbol)) names.add(name);
	};
	const platform = (node) => {
		if (ts.isPropertyAccessExpression(node)) keep(checker.getSymbolAtLocation(node.name), node.name.text);
		if (ts.isBindingElement(node) && ts.isObjectBindingPattern(node.parent)) {
			const { text } = node.propertyName ?? node.name;
			keep(checker.getTypeAtLocation(node.parent).getProperty(text), text);
		}
		if (ts.isObjectLiteralElement(node) && node.name && !ts.isComputedPropertyName(node.name)) {
			const wanted = checker.getContextualType(node.parent);
			const found = wanted && (wanted.isUnion() ? wanted.types : [wanted]).map((t) => t.getProperty(node.name.text)).filter(Boolean);
			for (const symbol of found ?? []) keep(symbol, node.name.text);
		}
		ts.forEachChild(node, platform);
	};
	for (const file of program.getSourceFiles()) if (!program.isSourceFileDefaultLibrary(file) && !file.isDeclarationFile) platform(file);
	return names;
}
