/** The whole page: list or case. */
import type { JSX } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import type { PackedDocument } from "../packed.ts";
import { unpackTexts, unpackVerdict } from "../unpacked.ts";
import { CaseList } from "./case-list.tsx";
import { CaseView } from "./case-view.tsx";
import { Matrix } from "./matrix.tsx";
import { useRoute } from "./route.ts";
import { Masthead, Totals } from "./summary.tsx";
import { useTheme } from "./theme.ts";

/** A document with a single case opens at that case. */
export function App({ packed }: { readonly packed: PackedDocument }): JSX.Element {
  const [theme, toggleTheme] = useTheme();
  const single = packed.verdicts.length === 1;
  const [route, setRoute] = useRoute({ caseIndex: single ? 0 : null, phase: "", site: "" });
  const texts = useMemo(() => unpackTexts(packed.texts), [packed]);
  const heads = useMemo(() => packed.verdicts.map((entry) => entry.verdict), [packed]);
  const open = route.caseIndex === null ? undefined : packed.verdicts[route.caseIndex];
  const verdict = useMemo(() => open && unpackVerdict(open, texts), [open, texts]);
  useEffect(() => scrollTo(0, 0), [route.caseIndex]);
  return (
    <>
      <Masthead verdicts={heads} theme={theme} onTheme={toggleTheme} />
      {verdict && route.caseIndex !== null ? (
        <CaseView
          key={route.caseIndex}
          verdict={verdict}
          trend={open?.trend ?? []}
          index={route.caseIndex}
          count={heads.length}
          route={route}
          theme={theme}
          onRoute={setRoute}
        />
      ) : (
        <main>
          <Totals verdicts={heads} />
          <Matrix verdicts={heads} />
          <CaseList verdicts={heads} />
        </main>
      )}
    </>
  );
}
