/** The tables below the map: logits, consistency, audits, coverage, provenance. */
import type { ComponentChildren, JSX } from "preact";
import { declaredText, valuesText } from "../../../verdict/words/differences.ts";
import type { Verdict } from "../../../verdict/schema.ts";
import { formatCount, formatDate, formatEngine, formatNumber, formatRatio } from "../format.ts";
import { Section, SiteName, OutcomeMark } from "./parts.tsx";

interface TableProps {
  readonly heads: readonly string[];
  /** Columns from this one on hold numbers. */
  readonly numbersFrom: number;
  readonly rows: readonly (readonly ComponentChildren[])[];
}

function Table({ heads, numbersFrom, rows }: TableProps): JSX.Element {
  const look = (column: number): string => (column >= numbersFrom ? "right num" : "");
  return (
    <table class="figures">
      <thead>
        <tr>
          {heads.map((head, column) => (
            <th scope="col" key={head} class={look(column)}>
              {head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row, index) => (
          <tr key={index}>
            {row.map((cell, column) =>
              column === 0 ? <th scope="row">{cell}</th> : <td class={look(column)}>{cell}</td>,
            )}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const listLimit = 200;

function Names({ label, names }: { readonly label: string; readonly names: readonly string[] }): JSX.Element | null {
  if (names.length === 0) return null;
  return (
    <details open={names.length <= 8}>
      <summary>
        {label} <span class="num">{formatCount(names.length)}</span>
      </summary>
      <ul class="names">
        {names.slice(0, listLimit).map((name) => (
          <li key={name}>
            <code>{name}</code>
          </li>
        ))}
        {names.length > listLimit && <li class="muted">and {formatCount(names.length - listLimit)} more</li>}
      </ul>
    </details>
  );
}

function Logits({ verdict }: { readonly verdict: Verdict }): JSX.Element | null {
  if (verdict.logits.length === 0) return null;
  return (
    <Section id="logits" title="Logits" note="KL(reference || engine) in nats">
      <Table
        heads={["phase", "mean KL", "max KL", "top-1", "margin"]}
        numbersFrom={1}
        rows={verdict.logits.map((row) => [
          row.phase,
          formatNumber(row.mean_kl),
          formatNumber(row.max_kl),
          <span class={row.top1 === row.rows ? "" : "bad"}>{`${formatCount(row.top1)}/${formatCount(row.rows)}`}</span>,
          row.margin === null ? "" : formatNumber(row.margin),
        ])}
      />
    </Section>
  );
}

function Consistency({ verdict }: { readonly verdict: Verdict }): JSX.Element | null {
  if (verdict.consistency.length === 0) return null;
  return (
    <Section id="consistency" title="Consistency" note="each engine against its own full forward">
      <Table
        heads={["engine", "status", "compared", "worst"]}
        numbersFrom={4}
        rows={verdict.consistency.map((row) => [
          row.engine,
          <OutcomeMark outcome={row.status} />,
          <span class="num">{formatCount(row.compared)}</span>,
          row.worst && (
            <>
              <span class="num">{formatRatio(row.worst.ratio)}</span> <SiteName site={row.worst.site} />{" "}
              <span class="muted">{row.worst.phase}</span>
            </>
          ),
        ])}
      />
    </Section>
  );
}

function ConfigAudit({ verdict }: { readonly verdict: Verdict }): JSX.Element | null {
  const audit = verdict.config_audit;
  if (!audit) return null;
  const isClean = audit.never_read_by_engine.length + audit.never_read_by_reference.length === 0;
  return (
    <Section id="config-audit" title="Config fields">
      {isClean && <p class="muted">Both sides read the same fields.</p>}
      <Names label="Read by the reference, never by the engine" names={audit.never_read_by_engine} />
      <Names label="Read by the engine, never by the reference" names={audit.never_read_by_reference} />
    </Section>
  );
}

function TensorAudit({ verdict }: { readonly verdict: Verdict }): JSX.Element | null {
  const audit = verdict.tensor_audit;
  if (!audit) return null;
  const { values } = audit;
  const isClean =
    audit.missing.length + audit.unexpected.length + audit.different.length + (values?.different.length ?? 0) === 0;
  return (
    <Section id="tensor-audit" title="Weights" note={`${formatCount(audit.compared)} tensors compared`}>
      {isClean && <p class="muted">{`All tensors are there, with the same shapes${values ? " and numbers" : ""}.`}</p>}
      {!values && <p class="muted">The engine gives no checksums of their numbers.</p>}
      <Names label="Missing in the engine" names={audit.missing} />
      <Names label="Not in the checkpoint" names={audit.unexpected} />
      <Names label="With other numbers" names={values?.different.map(valuesText) ?? []} />
      {audit.different.length > 0 && (
        <Table
          heads={["different", "expected", "found"]}
          numbersFrom={3}
          rows={audit.different.map((row) => [
            <code>{row.name}</code>,
            declaredText(row.expected),
            <span class="bad">{declaredText(row.found)}</span>,
          ])}
        />
      )}
    </Section>
  );
}

function Coverage({ verdict }: { readonly verdict: Verdict }): JSX.Element {
  const { compared, total, unknown, unexpected } = verdict.coverage;
  return (
    <Section id="coverage" title="Coverage" note={`${formatCount(compared)}/${formatCount(total)} sites`}>
      {unknown.length + unexpected.length === 0 && compared === total && (
        <p class="muted">Every site of the reference was compared.</p>
      )}
      {unknown.length + unexpected.length === 0 && compared < total && (
        <p class="muted">{formatCount(total - compared)} sites of the reference were not reached.</p>
      )}
      <Names label="Not offered by the engine" names={unknown} />
      <Names label="Unknown to the reference" names={unexpected} />
    </Section>
  );
}

function Provenance({ verdict }: { readonly verdict: Verdict }): JSX.Element {
  const versions = (identity: Verdict["engine"]): string =>
    Object.entries(identity.versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(", ");
  const rows: [string, ComponentChildren][] = [
    ["engine", formatEngine(verdict.engine)],
    ["", versions(verdict.engine)],
    ["reference", formatEngine(verdict.reference)],
    ["", versions(verdict.reference)],
    ["started", formatDate(verdict.started)],
    ...Object.entries(verdict.checksums).map(([name, sum]): [string, ComponentChildren] => [
      name,
      <code class="hash">{sum}</code>,
    ]),
  ];
  return (
    <Section id="provenance" title="Versions and checksums">
      <table class="figures facts">
        <tbody>
          {rows
            .filter(([, value]) => value !== "")
            .map(([name, value], index) => (
              <tr key={index}>
                <th scope="row">{name === "" ? <span class="hidden">versions</span> : name}</th>
                <td>{value}</td>
              </tr>
            ))}
        </tbody>
      </table>
    </Section>
  );
}

/** All tables that a verdict has something for. */
export function Evidence({ verdict }: { readonly verdict: Verdict }): JSX.Element {
  return (
    <div class="evidence">
      <Logits verdict={verdict} />
      <Consistency verdict={verdict} />
      <ConfigAudit verdict={verdict} />
      <TensorAudit verdict={verdict} />
      <Coverage verdict={verdict} />
      <Provenance verdict={verdict} />
    </div>
  );
}
