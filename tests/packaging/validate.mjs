// SPDX-License-Identifier: GPL-3.0-or-later
// validate.mjs FOLDER: the objects on standard input (a JSON array) against the schemas
// in FOLDER (contrib/fetch-schemas); prints what is wrong, one line each.
//
// The validators of the packages let unknown members pass, which an API server does not.
// They ask for each member that they know, so one that nobody asked for is unknown.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const modules = join(process.argv[2], "node_modules");
const packages = ["kubernetes-models", "@kubernetes-models/external-secrets"];

function watched(value, path, asked) {
	if (value === null || typeof value !== "object")
		return value;
	const known = new Set(), inner = new Map();
	if (!Array.isArray(value))
		asked.push({ path, value, known });
	return new Proxy(value, {
		get(target, key) {
			known.add(key);
			if (!inner.has(key))
				inner.set(key, watched(target[key], `${path}.${String(key)}`, asked));
			return inner.get(key);
		},
	});
}

async function problems(object) {
	const { apiVersion, kind } = object;
	const file = packages.map((p) => join(modules, p, apiVersion, `${kind}.js`)).find(existsSync);
	if (!file)
		return [`${apiVersion} ${kind}: no such kind`];
	const model = (await import(pathToFileURL(file)))[kind];
	const found = [], asked = [];
	try {
		model.prototype.validate.call(watched(object, "", asked));
	} catch (e) {
		found.push(e.message);
	}
	for (const { path, value, known } of asked)
		for (const key of Object.keys(value))
			if (!known.has(key))
				found.push(`${path.slice(1)}.${key} is unknown`.replace(/^\./, ""));
	return found.map((f) => `${kind} ${object.metadata?.name}: ${f}`);
}

for (const object of JSON.parse(readFileSync(0)))
	for (const p of await problems(object))
		console.log(p);
