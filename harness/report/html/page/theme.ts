/** Light or dark: the system's preference until the reader chooses. */
import { useEffect, useState } from "preact/hooks";
import type { Theme } from "./scale.ts";

const storageKey = "lockstep-report-theme";

/** Browsers may refuse storage to pages from file://. */
function remembered(): Theme | null {
  try {
    const stored = localStorage.getItem(storageKey);
    return stored === "light" || stored === "dark" ? stored : null;
  } catch {
    return null;
  }
}

function remember(theme: Theme): void {
  try {
    localStorage.setItem(storageKey, theme);
  } catch {
    // The choice then holds until the page is closed.
  }
}

/** The theme in force and a function that switches to the other one. */
export function useTheme(): [Theme, () => void] {
  const [chosen, setChosen] = useState<Theme | null>(remembered);
  const [system, setSystem] = useState<Theme>(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  useEffect(() => {
    const query = matchMedia("(prefers-color-scheme: dark)");
    const follow = (): void => setSystem(query.matches ? "dark" : "light");
    query.addEventListener("change", follow);
    return () => query.removeEventListener("change", follow);
  }, []);
  const theme = chosen ?? system;
  document.documentElement.dataset["theme"] = theme;
  const toggle = (): void => {
    const next = theme === "dark" ? "light" : "dark";
    remember(next);
    setChosen(next);
  };
  return [theme, toggle];
}
