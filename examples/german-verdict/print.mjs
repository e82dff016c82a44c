// Prints verdicts in German, from the JSON alone: nothing of lockstep is imported, and no English sentence is read.
//   npx lockstep run --json | node print.mjs          or          node print.mjs verdict.json
// docs/verdict.schema.json says what each fact is. Programs that show verdicts in their own words can start from this file.
import { readFileSync } from "node:fs";

function lines(verdict) {
  const { status, met, engine, reference, dtype, coverage, culprits, error } = verdict;
  const marked =
    met && status === "fail" ? "ERWARTETER FEHLSCHLAG" : !met && status === "pass" ? "UNERWARTET BESTANDEN" : null;
  const word = { pass: "BESTANDEN", fail: "FEHLSCHLAG", unknown: "OFFEN", error: "FEHLER" }[status];
  const head = [
    `${marked ?? word}  ${verdict.case}`,
    `${engine.name} gegen ${reference.name} ${reference.version}`,
    verdict.mode === "shapes" ? "nur Formen" : dtype,
    `${coverage.compared} von ${coverage.total} Stellen verglichen`,
  ].join("   ");
  if (error)
    return [
      head,
      `   Gebrochen hat: ${{ usage: "der Aufruf", environment: "die Umgebung", engine: "die Engine" }[error.kind]}`,
    ];
  return [head, ...culprits.flatMap(culpritLines), ...unjudgedLines(verdict)];
}

function culpritLines({ site, phase, why, where, inherited, shapes, also, explanation }) {
  const places = where.map(
    ({ axis, first, last, size }) =>
      `${axes[axis] ?? axis} ${first === last ? first : `${first} bis ${last}`} von ${size}`,
  );
  return [
    `   ${site}${phase === "shapes" ? "" : `   in ${phase}`}`,
    `     ${[whyText(why), ...places].join("; ")}${inherited ? "; das Modul selbst rechnet richtig, seine Eingabe war falsch" : ""}`,
    ...(shapes?.causes ?? []).map(sizeLine),
    ...(explanation ? causeLines(explanation) : []),
    ...(also.length > 0 ? [`   ebenso an ${also.length} weiteren Stellen`] : []),
  ];
}

const axes = { head: "Kopf", token: "Token", channel: "Kanal", query: "Anfrage", key: "Schlüssel", sequence: "Folge" };

function whyText(why) {
  switch (why.kind) {
    case "shape":
      return `Form [${why.found}], erwartet [${why.expected}]`;
    case "dtype":
      return `Typ ${why.found}, erwartet ${why.expected}`;
    case "not finite":
      return "Werte, die nicht endlich sind";
    case "not exact":
      return "die Referenz rechnet hier exakt, die Engine nicht bitgleich";
    case "noise":
      return `${number(why.ratio)}-faches Rundungsrauschen${why.at.part === "tensor" ? "" : ` (${why.at.part === "row" ? "Zeile" : "Spalte"} ${why.at.index})`}`;
    case "direction":
      return `${number(why.ratio)}-faches Rauschen, aber alle ${why.direction.kind === "scale" ? "Zeilen um denselben Faktor" : "Werte um denselben Betrag"} daneben`;
    case "choice":
      return `${why.flips.count} von ${why.flips.rows} Zeilen wählen andere Spalten`;
  }
}

const factor = ({ field, over, value }) =>
  field === null ? `${value}` : `${field}${over === null ? "" : ` / ${over}`} ${value}`;

function sizeLine(cause) {
  if (cause.kind === "replaced field")
    return `   Ursache ${factor(cause.expected)} erwartet, die Engine nahm ${factor(cause.found)} (Schichten ${cause.layers.join(", ")} von ${cause.layer_count})`;
  return `   ${cause.holds ? "Ursache" : "nicht  "} ${cause.copies} Ströme der Breite ${cause.size} aneinanderzuhängen`;
}

function causeLines({ status, candidates, tried, ratio }) {
  const [first] = candidates;
  if (!first) return [`   Ursache unbekannt: keine von ${tried} Änderungen der Referenz ergibt es`];
  const found = { explained: "Ursache", ambiguous: "vielleicht", pattern: "Muster", unexplained: "unklar" }[status];
  return [
    `   ${found} ${first.changes.map(changeText).join(" und ")}`,
    `           ${number(ratio)}-faches Rauschen von der Referenz, ${number(first.ratio)}-faches von der so geänderten`,
    ...first.sources.map(({ file, line, text }) => `           ${file}:${line}: ${text}`),
  ];
}

/** Kinds of changes that have a sentence here; of any other kind its facts are listed, so that nothing is lost. */
function changeText({ kind, ...facts }) {
  if (kind === "left out") return `${facts.operation} fehlt`;
  if (kind === "applied twice") return `${facts.operation} zweimal angewandt`;
  if (kind === "activation") return `Aktivierung ${facts.found} statt ${name(facts.expected)}`;
  if (kind === "norm") return `Normierung ${facts.found} statt ${name(facts.expected)}`;
  return `${kind} (${Object.entries(facts)
    .map(([key, value]) => `${key}: ${name(value)}`)
    .join(", ")})`;
}

const name = (value) => (typeof value === "object" && value !== null ? JSON.stringify(value) : String(value));

function unjudgedLines({ sites, coverage }) {
  const unknown = sites.filter(({ status }) => status === "unknown").length;
  return unknown + coverage.unexpected.length === 0
    ? []
    : [`   ${unknown} Stellen nicht beurteilt, ${coverage.unexpected.length} kennt die Referenz nicht`];
}

function number(ratio) {
  return ratio >= 1e30 ? "unendlich" : ratio.toLocaleString("de-DE", { maximumSignificantDigits: 3 });
}

const content = JSON.parse(readFileSync(process.argv[2] ?? 0, "utf8"));
const verdicts = Array.isArray(content) ? content : [content];
for (const verdict of verdicts) console.log(lines(verdict).join("\n"));
