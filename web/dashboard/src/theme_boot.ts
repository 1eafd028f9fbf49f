// Sets the theme before the first paint: from the link, else as chosen before, else the system's.
// Loaded as a blocking script of its own, because the content security policy allows nothing inline.
(() => {
  let theme = new URLSearchParams(location.hash.slice(1)).get('theme');
  try {
    theme = theme || localStorage.getItem('streamflow.theme');
  } catch {
    theme = theme || null;
  }
  if (theme !== 'light' && theme !== 'dark') {
    theme = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
  }
  document.documentElement.dataset.theme = theme;
})();
